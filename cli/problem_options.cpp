#include "cli/problem_options.h"

#include <algorithm>

#include "cli/quantity_options.h"
#include "reference/core/errors.h"

namespace attnlab::cli {
namespace {

// Parts between commas, without the spaces around them: those within are part of no number.
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == ',') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  for (std::string& part : parts) {
    const std::size_t first = std::min(part.find_first_not_of(' '), part.size());
    part = part.substr(first, part.find_last_not_of(' ') + 1 - first);
  }
  return parts;
}

// "L,R"; -1 or nothing on a side: no bound there.
attention::Window parse_window(const std::string& text) {
  if (text.empty()) return {};
  const auto parts = split(text);
  if (parts.size() != 2) throw InvalidArgument("--window", text, "LEFT,RIGHT such as 128,0 (-1: no bound)");
  attention::Window window;
  const auto side = [](const std::string& part) -> std::optional<Index> {
    if (part.empty() || part == "-1") return std::nullopt;
    return extent("--window", answers::parse_count("--window", part));
  };
  window.left = side(parts[0]);
  window.right = side(parts[1]);
  return window;
}

std::vector<double> parse_numbers(const std::string& option, const std::string& text) {
  std::vector<double> numbers;
  for (const std::string& part : split(text)) {
    std::size_t used = 0;
    try {
      numbers.push_back(std::stod(part, &used));
    } catch (const std::exception&) {
      used = std::string::npos;
    }
    if (used != part.size()) throw InvalidArgument(option, "'" + part + "'", "numbers separated by commas");
  }
  return numbers;
}

}  // namespace

Index extent(const std::string& option, std::uint64_t value) {
  if (value > static_cast<std::uint64_t>(attention::kMaxExtent)) {
    throw InvalidArgument(option, std::to_string(value), "at most 1G = 2^30");
  }
  return static_cast<Index>(value);
}

std::vector<Index> parse_list(const std::string& option, const std::string& text) {
  std::vector<Index> list;
  if (text.empty()) return list;
  for (const std::string& part : split(text))
    list.push_back(extent(option, answers::parse_count(option, part)));
  return list;
}

void add_size_options(Command& app, ProblemOptions& o) {
  const auto add = [&app](const char* names, std::uint64_t& size, const char* help, std::uint64_t least = 0) {
    add_count(app, names, help, least, [&size, name = first_name(names)](std::uint64_t value) {
      size = static_cast<std::uint64_t>(extent(name, value));  // which none that is absent is
    });
  };
  add("--batch", o.batch, "Sequences [1]");
  add("--heads", o.heads, "Query heads [1]", 1);
  add("--kv-heads", o.kv_heads, "Heads of K and V: a divisor of --heads (GQA), 1 (MQA) [--heads]", 1);
  add("--seqlen,-N", o.seqlen, "Queries and keys alike");
  add("--seqlen-q", o.seqlen_q, "Queries [--seqlen]");
  add("--seqlen-kv", o.seqlen_kv, "Keys [--seqlen]");
  add("--dim,-d", o.dim, "Of a head [64]", 1);
  add("--dim-v", o.dim_v, "Of a head of V and O [--dim]", 1);
}

void add_mask_options(Command& app, ProblemOptions& o) {
  app.add_flag("--causal", o.causal, "Query i sees keys up to i + seqlen_kv - seqlen_q (bottom-right)");
  app.add_option("--window", o.window, "Sliding window LEFT,RIGHT around the diagonal; -1: no bound");
  app.add_option("--scale", o.scale, "Softmax scale [1 / sqrt(dim)]");
  app.add_option("--softcap", o.softcap, "s -> c tanh(s / c)");
  app.add_flag("--alibi", o.alibi, "ALiBi with the paper's slopes 2^(-8 h / heads)");
  app.add_option("--sinks", o.sinks, "A logit a head, separated by commas: attention sinks");
  app.add_option("--kv-lens", o.kv_lens, "Keys of each sequence, such as 201,22; the rest is padding");
  app.add_option("--q-lens", o.q_lens, "Queries of each sequence");
  app.add_option("--cu-seqlens-q", o.cu_seqlens_q, "Packed sequences: where each begins, such as 0,201,223");
  app.add_option("--cu-seqlens-kv", o.cu_seqlens_kv, "The same of K and V");
  app.add_option("--dropout", o.dropout, "Probability that a weight is dropped, 0 <= P < 1");
  add_count(app, "--dropout-seed", o.dropout_seed, "Philox key [0]");
  add_count(app, "--dropout-offset", o.dropout_offset, "Philox offset [0]");
}

answers::ProblemFields fields_of(const ProblemOptions& o) {
  answers::ProblemFields fields;
  const auto given = [](const char* option, std::uint64_t own, std::uint64_t otherwise) {
    const std::uint64_t value = own == ProblemOptions::kAbsent ? otherwise : own;
    return value == ProblemOptions::kAbsent ? std::nullopt : std::optional(extent(option, value));
  };
  fields.batch = extent("--batch", o.batch);
  fields.num_heads = extent("--heads", o.heads);
  fields.num_kv_heads = given("--kv-heads", o.kv_heads, o.heads);
  fields.seqlen_q = given("--seqlen-q", o.seqlen_q, o.seqlen);
  fields.seqlen_kv = given("--seqlen-kv", o.seqlen_kv, o.seqlen);
  fields.head_dim = extent("--dim", o.dim);
  fields.head_dim_v = given("--dim-v", o.dim_v, o.dim);
  fields.softmax_scale = o.scale;
  fields.causal = o.causal;
  fields.window = parse_window(o.window);
  fields.softcap = o.softcap;
  fields.alibi = o.alibi;
  if (!o.sinks.empty()) fields.sinks = parse_numbers("--sinks", o.sinks);
  fields.kv_lens = parse_list("--kv-lens", o.kv_lens);
  fields.q_lens = parse_list("--q-lens", o.q_lens);
  fields.cu_seqlens_q = parse_list("--cu-seqlens-q", o.cu_seqlens_q);
  fields.cu_seqlens_kv = parse_list("--cu-seqlens-kv", o.cu_seqlens_kv);
  if (o.dropout_offset > UINT32_MAX) {
    throw InvalidArgument("--dropout-offset", std::to_string(o.dropout_offset), "less than 2^32");
  }
  fields.dropout = {o.dropout, o.dropout_seed, static_cast<std::uint32_t>(o.dropout_offset)};
  return fields;
}

}  // namespace attnlab::cli
