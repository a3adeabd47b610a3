// The options that describe an attention problem, the same for every command.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "answers/problem_fields.h"
#include "cli/options.h"

namespace attnlab::cli {

// As typed; fields_of() gives the sense. Must outlive the parse.
struct ProblemOptions {
  static constexpr std::uint64_t kAbsent = UINT64_MAX;
  std::uint64_t batch = 1, heads = 1, kv_heads = kAbsent, dim = 64, dim_v = kAbsent;
  std::uint64_t seqlen = kAbsent, seqlen_q = kAbsent, seqlen_kv = kAbsent;
  std::optional<double> scale;
  double softcap = 0, dropout = 0;
  std::uint64_t dropout_seed = 0, dropout_offset = 0;
  bool causal = false, alibi = false;
  std::string window, sinks, kv_lens, q_lens, cu_seqlens_q, cu_seqlens_kv;
};

// --batch, --heads, --seqlen-q, ...: the sizes of a problem that has no tensors yet.
void add_size_options(Command& app, ProblemOptions& options);
// --causal, --window, --softcap, --kv-lens, ...: everything else.
void add_mask_options(Command& app, ProblemOptions& options);

// What was typed, as fields. Throws InvalidArgument naming the option.
answers::ProblemFields fields_of(const ProblemOptions& options);

// "201,22" as numbers; counts as in quantity.h.
std::vector<Index> parse_list(const std::string& option, const std::string& text);
// A count that fits an extent. Throws InvalidArgument when it exceeds 2^30.
Index extent(const std::string& option, std::uint64_t value);

}  // namespace attnlab::cli
