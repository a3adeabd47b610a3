// What the grouped decode kernels take, how often they split, and the list of their instances.
#pragma once

#include "cuda/host/kernel.h"
#include "cuda/host/split.h"

namespace attnlab::cuda {

inline constexpr DType kHalfTypes[] = {DType::f16, DType::bf16};
inline constexpr int kGroupedHeadDims[] = {64, 128};
inline constexpr Requires kGroupedDecode{.dtypes = kHalfTypes,
                                         .head_dims = kGroupedHeadDims,
                                         .options = Option::causal | Option::window | Option::softcap |
                                                    Option::alibi | Option::grouped_heads | Option::padded |
                                                    Option::packed | Option::paged | Option::narrow_cache};

inline constexpr Operand kDecodeOperands[] = {
    {"q", "[batch, num_heads, seqlen_q, head_dim]"},
    {"k", "[num_pages, num_kv_heads, page_size, head_dim] or [batch, num_kv_heads, seqlen_kv, head_dim]"},
    {"v", "[num_pages, num_kv_heads, page_size, head_dim_v] or [batch, num_kv_heads, seqlen_kv, head_dim_v]"},
    {"block_table", "[batch, pages of the longest sequence]"},
    {"o", "[batch, num_heads, seqlen_q, head_dim_v]", true},
    {"lse", "[batch, num_heads, seqlen_q]", true},
};

// Packed rows of a block: 8 or 16.
constexpr int packed_rows(const AttentionParams& p) {
  return p.heads_q / p.heads_kv * p.seqlen_q <= 8 ? 8 : 16;
}

// resident: blocks that are on a multiprocessor at once.
constexpr int decode_splits(const AttentionParams& p, int resident) {
  if (p.splits > 0) return asked_splits(p);
  const int row_blocks = ceil_div(p.heads_q / p.heads_kv * p.seqlen_q, packed_rows(p));
  return splits_for(row_blocks * p.heads_kv * p.batch, p.seqlen_kv, resident * p.multiprocessors);
}
// One split writes O itself.
constexpr std::size_t splits_bytes(const AttentionParams& p, int splits) {
  return splits == 1 ? 0 : partial_bytes(p, splits);
}

}  // namespace attnlab::cuda
