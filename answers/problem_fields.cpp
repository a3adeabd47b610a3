#include "answers/problem_fields.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "reference/core/errors.h"

namespace attnlab::answers {
namespace {

// Press et al. 2022, section 3: slopes 2^(-8 h / H), h = 1..H.
std::vector<double> alibi_slopes(Index heads) {
  constexpr Index kMost = Index{1} << 20;
  if (heads > kMost) throw InvalidArgument("alibi", std::to_string(heads) + " heads", "at most 1M of them");
  std::vector<double> slopes;
  for (Index h = 1; h <= heads; ++h) {
    slopes.push_back(std::exp2(-8.0 * static_cast<double>(h) / static_cast<double>(heads)));
  }
  return slopes;
}

Index longest_sequence(const std::vector<Index>& cu_seqlens) {
  Index longest = 0;
  for (std::size_t b = 1; b < cu_seqlens.size(); ++b)
    longest = std::max(longest, cu_seqlens[b] - cu_seqlens[b - 1]);
  return longest;
}

// Everything but sizes.
void apply_masks(const ProblemFields& fields, attention::Problem& p) {
  p.softmax_scale = fields.softmax_scale;
  p.causal = fields.causal;
  p.window = fields.window;
  p.softcap = fields.softcap;
  if (fields.alibi) p.alibi_slopes = alibi_slopes(p.num_heads);
  p.sinks = fields.sinks;
  p.kv_lens = fields.kv_lens;
  p.q_lens = fields.q_lens;
  p.cu_seqlens_q = fields.cu_seqlens_q;
  p.cu_seqlens_kv = fields.cu_seqlens_kv;
  for (const auto& [field, ends] :
       {std::pair{"cu_seqlens_q", &p.cu_seqlens_q}, {"cu_seqlens_kv", &p.cu_seqlens_kv}})
    if (ends->size() == 1)
      throw InvalidArgument(field, std::to_string(ends->front()), "0 and the end of each sequence");
  if (p.packed()) p.batch = static_cast<Index>(p.cu_seqlens_q.size()) - 1;
  p.dropout = fields.dropout;
  validate(p);
}

}  // namespace

attention::Problem problem_of(const ProblemFields& fields) {
  attention::Problem p;
  p.batch = fields.batch.value_or(1);
  p.num_heads = fields.num_heads.value_or(1);
  p.num_kv_heads = fields.num_kv_heads.value_or(p.num_heads);
  const auto length = [](const char* field, std::optional<Index> given, const std::vector<Index>& cu) {
    if (given) return *given;
    if (cu.empty()) throw InvalidArgument(field, "nothing", "a length, here or as `seqlen`");
    return longest_sequence(cu);
  };
  p.seqlen_q = length("seqlen_q", fields.seqlen_q, fields.cu_seqlens_q);
  p.seqlen_kv = length("seqlen_kv", fields.seqlen_kv, fields.cu_seqlens_kv);
  p.head_dim = fields.head_dim.value_or(64);
  p.head_dim_v = fields.head_dim_v.value_or(p.head_dim);
  apply_masks(fields, p);
  return p;
}

void apply_to_tensors(const ProblemFields& fields, attention::Problem& p) {
  if (fields.packed()) {
    p.seqlen_q = longest_sequence(fields.cu_seqlens_q);
    p.seqlen_kv = longest_sequence(fields.cu_seqlens_kv);
  }
  apply_masks(fields, p);
}

}  // namespace attnlab::answers
