// How the tensors of a call lie in memory.
#pragma once

#include <span>
#include <string>

#include "reference/attention/problem.h"

namespace attnlab::oracle {

enum class Layout {
  bhsd,         // PyTorch's order, contiguous
  bshd,         // FlashAttention's order, contiguous
  qkv,          // Q, K and V in one tensor [batch, seqlen, num_heads + 2 num_kv_heads, dim]; so the gradients
  padded_rows,  // bhsd with 16 unused elements behind each row, and unused rows behind each head
  far,          // bhsd, batch entries more than 2^32 elements apart (memory between them is only reserved)
};

struct LayoutInfo {
  Layout id;
  const char* name;
  const char* what;
};
std::span<const LayoutInfo> layouts();
const char* name(Layout layout);

// Whether tensors of this problem can lie so: qkv needs equal lengths and dims, far more than one batch
// entry.
bool possible(Layout layout, const attention::Problem& problem);

}  // namespace attnlab::oracle
