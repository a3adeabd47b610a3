// What a backward kernel is launched with: the forward pass' parameters, and what the gradients add.
#pragma once

#include "cuda/host/params.h"

namespace attnlab::cuda {

struct BackwardParams {
  // Q, K, V, every option and the workspace; O and lse as a forward pass left them: read, never written.
  AttentionParams forward;
  Strided<const void> dout;  // as o
  Strided<void> dq, dk, dv;  // as q, k, v; dk and dv are summed over a group's query heads
};

inline constexpr Operand kBackwardOperands[] = {
    {"q", "[batch, num_heads, seqlen_q, head_dim]"},
    {"k", "[batch, num_kv_heads, seqlen_kv, head_dim]"},
    {"v", "[batch, num_kv_heads, seqlen_kv, head_dim]"},
    {"o", "[batch, num_heads, seqlen_q, head_dim]"},
    {"lse", "[batch, num_heads, seqlen_q]"},
    {"dout", "[batch, num_heads, seqlen_q, head_dim]"},
    {"dq", "[batch, num_heads, seqlen_q, head_dim]", true},
    {"dk", "[batch, num_kv_heads, seqlen_kv, head_dim]", true},
    {"dv", "[batch, num_kv_heads, seqlen_kv, head_dim]", true},
};

}  // namespace attnlab::cuda
