// `attnlab kv --compare`: the mechanisms as a table, and their bytes against the context as a chart.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "answers/quantity.h"
#include "cli/kv_report.h"

namespace attnlab::cli {

using answers::format_bytes;
using answers::format_count;

namespace {

constexpr std::array kMarks{'H', 'G', 'Q', 'L'};
std::string cached(const cards::ModelCard& card) {
  if (card.mechanism == cards::Mechanism::mla) {
    return fmt::format("{} + {}", card.kv_lora_rank, card.qk_rope_head_dim);
  }
  return fmt::format("2 x {} x {}", card.kv_heads, card.head_dim);
}

std::string binary_size(std::uint64_t bytes) {
  const std::string both = format_bytes(bytes);
  return both.substr(0, both.find(" ("));
}

std::string table(const answers::KvComparison& comparison) {
  const answers::KvQuestion& question = comparison.question;
  std::string text =
      fmt::format("{} with each mechanism; cache in {}, {} tokens, batch {}\n\n", question.card.title,
                  describe(question.cache), format_count(question.context), format_count(question.batch));
  text += fmt::format("  {:<9} {:>14} {:>14} {:>12} {:>12} {:>10}", "mechanism", "a layer caches",
                      "numbers/token", "bytes/token", "the batch", "of MHA");
  if (question.memory) text += fmt::format(" {:>10}", "max batch");
  text += "\n";
  const double mha = static_cast<double>(comparison.answers.front().total_bytes);
  for (std::size_t i = 0; i < comparison.answers.size(); ++i) {
    const answers::KvAnswer& result = comparison.answers[i];
    const cards::ModelCard& card = comparison.asked[i].card;
    text += fmt::format("{} {:<9} {:>14} {:>14} {:>12} {:>12} {:>9.2f}%",
                        card.mechanism == question.card.mechanism ? '*' : ' ', cards::name(card.mechanism),
                        cached(card), format_count(result.elements_per_token),
                        binary_size(result.bytes_per_token), binary_size(result.total_bytes),
                        100 * static_cast<double>(result.total_bytes) / mha);
    if (result.max_batch) text += fmt::format(" {:>10}", format_count(*result.max_batch));
    text += "\n";
  }
  return text + "  * what the model itself has; the others keep its heads and layers\n";
}

// Rows are powers of 2 in bytes, columns fractions of one in tokens.
std::string chart(const answers::KvComparison& comparison) {
  constexpr int kColumns = 61;
  const answers::KvQuestion& question = comparison.question;
  const auto bytes_at = [&](std::size_t mechanism, int column) {
    const double exponent =
        answers::kFirstExponent +
        static_cast<double>(answers::kLastExponent - answers::kFirstExponent) * column / (kColumns - 1);
    const auto context = static_cast<std::uint64_t>(std::llround(std::exp2(exponent)));
    return cards::cache_bytes(comparison.asked[mechanism].card, question.cache, context, question.batch);
  };
  const auto row_of = [](std::uint64_t bytes) {
    return static_cast<int>(std::lround(std::log2(static_cast<double>(bytes))));
  };
  int low = 64;
  int high = 0;
  for (const auto& curve : comparison.bytes) {
    low = std::min(low, row_of(curve.front()));
    high = std::max(high, row_of(curve.back()));
  }
  std::vector<std::string> rows(static_cast<std::size_t>(high - low + 1), std::string(kColumns, ' '));
  const auto at = [&](int row, int column) -> char& {
    return rows[static_cast<std::size_t>(high - row)][static_cast<std::size_t>(column)];
  };
  const std::uint64_t limit = question.memory ? comparison.answers.front().available_bytes_per_gpu : 0;
  const int limit_row = limit > 0 && question.gpus == 1 ? row_of(limit) : -1;
  if (limit_row >= low && limit_row <= high)
    rows[static_cast<std::size_t>(high - limit_row)].assign(kColumns, '-');
  for (std::size_t mechanism = 0; mechanism < kMarks.size(); ++mechanism) {
    for (int column = 0; column < kColumns; ++column) {
      at(row_of(bytes_at(mechanism, column)), column) = kMarks[mechanism];
    }
  }
  std::string text = "\n  Bytes of the batch against context, both axes logarithmic\n";
  for (int row = high; row >= low; --row) {
    const std::string label = row % 2 == 0 ? binary_size(std::uint64_t{1} << row) : "";
    text += fmt::format("  {:>11} |{}{}\n", label, rows[static_cast<std::size_t>(high - row)],
                        row == limit_row ? " memory left" : "");
  }
  text += fmt::format("  {:>11} +{}\n", "", std::string(kColumns, '-'));
  text += fmt::format("  {:>11}  {:<12}{:<12}{:<12}{:<12}{:<10}{}\n", "tokens", "1k", "4k", "16k", "64k",
                      "256k", "1M");
  return text + "  H = MHA, G = GQA, Q = MQA, L = MLA\n";
}

}  // namespace

std::string to_text(const answers::KvComparison& comparison) { return table(comparison) + chart(comparison); }

}  // namespace attnlab::cli
