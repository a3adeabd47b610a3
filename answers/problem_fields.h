// A problem as it is asked about: its fields by the names of attention::Problem, each as far as it was given.
#pragma once

#include <optional>
#include <vector>

#include "reference/attention/problem.h"

namespace attnlab::answers {

struct ProblemFields {
  std::optional<Index> batch, num_heads;      // 1
  std::optional<Index> num_kv_heads;          // num_heads
  std::optional<Index> seqlen_q, seqlen_kv;   // the longest of cu_seqlens_q, cu_seqlens_kv
  std::optional<Index> head_dim, head_dim_v;  // 64, head_dim
  std::optional<double> softmax_scale;
  double softcap = 0;
  bool causal = false;
  bool alibi = false;  // with the paper's slopes 2^(-8 h / num_heads)
  attention::Window window;
  std::vector<double> sinks;
  std::vector<Index> kv_lens, q_lens, cu_seqlens_q, cu_seqlens_kv;
  attention::Dropout dropout;

  bool packed() const { return !cu_seqlens_q.empty() || !cu_seqlens_kv.empty(); }
};

// The problem, validated. cu_seqlens_* set the batch, and the lengths that are not given. Throws
// InvalidArgument naming the field.
attention::Problem problem_of(const ProblemFields& fields);

// The same for sizes that come from tensors: everything but the sizes is taken from the fields, and where
// sequences are packed, the lengths that cu_seqlens_* say.
void apply_to_tensors(const ProblemFields& fields, attention::Problem& problem);

}  // namespace attnlab::answers
