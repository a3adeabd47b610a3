#include "answers/kv_compare.h"

#include <fmt/format.h>

#include <array>
#include <system_error>

#include "os/output_file.h"
#include "reference/cards/variants.h"
#include "reference/core/errors.h"

namespace attnlab::answers {
namespace {

constexpr std::array kMechanisms{cards::Mechanism::mha, cards::Mechanism::gqa, cards::Mechanism::mqa,
                                 cards::Mechanism::mla};

}  // namespace

KvComparison compare(const KvQuestion& question, std::optional<std::uint64_t> groups) {
  if (groups && (*groups == 0 || question.card.heads % *groups != 0)) {
    throw InvalidArgument("groups", std::to_string(*groups),
                          fmt::format("a divisor of the model's {} heads", question.card.heads));
  }
  constexpr std::uint64_t kUsual = 8;  // Ainslie et al. 2023
  KvComparison comparison;
  comparison.question = question;
  for (int exponent = kFirstExponent; exponent <= kLastExponent; ++exponent) {
    comparison.contexts.push_back(std::uint64_t{1} << exponent);
  }
  for (const cards::Mechanism mechanism : kMechanisms) {
    KvQuestion variant = question;
    variant.card = cards::with_mechanism(question.card, mechanism, groups.value_or(kUsual));
    comparison.answers.push_back(answer(variant));
    std::vector<std::uint64_t> curve;
    for (const std::uint64_t context : comparison.contexts) {
      curve.push_back(cards::cache_bytes(variant.card, question.cache, context, question.batch));
    }
    comparison.bytes.push_back(curve);
    comparison.asked.push_back(variant);
  }
  return comparison;
}

nlohmann::ordered_json to_json(const KvComparison& comparison) {
  nlohmann::ordered_json json = to_json(comparison.question, answer(comparison.question));
  json["contexts"] = comparison.contexts;
  json["mechanisms"] = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < comparison.answers.size(); ++i) {
    nlohmann::ordered_json variant = to_json(comparison.asked[i], comparison.answers[i]);
    variant["bytes_by_context"] = comparison.bytes[i];
    json["mechanisms"].push_back(variant);
  }
  return json;
}

void write(const KvComparison& comparison, const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw FileError(folder.string(), "cannot be made: " + error.message());
  std::string csv = "mechanism,context,bytes\n";
  for (std::size_t i = 0; i < comparison.bytes.size(); ++i) {
    for (std::size_t j = 0; j < comparison.contexts.size(); ++j) {
      csv += fmt::format("{},{},{}\n", cards::name(comparison.asked[i].card.mechanism),
                         comparison.contexts[j], comparison.bytes[i][j]);
    }
  }
  os::OutputFile table(folder / "kv_cache.csv");
  table.write(csv);
  os::OutputFile object(folder / "kv_cache.json");
  object.write(to_json(comparison).dump(2) + "\n");
  table.commit();
  object.commit();
}

}  // namespace attnlab::answers
