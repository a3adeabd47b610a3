// cascade-04: geometry and row.
#pragma once

#include "cuda/host/decode_row.h"

namespace attnlab::cuda {

inline constexpr Requires kCascadeDecode{.dtypes = kHalfTypes,
                                         .head_dims = kGroupedHeadDims,
                                         .options = Option::causal | Option::window | Option::softcap |
                                                    Option::alibi | Option::grouped_heads | Option::padded |
                                                    Option::packed | Option::paged | Option::shared_prefix};

// The ring's: four warps' tiles.
constexpr Geometry cascade_geometry(int, Tiles) { return {16, 16, 128, 4 * 24576}; }

// Splits of the keys that all sequences share, with all their rows packed, and of each one's own.
struct CascadeSplits {
  int shared, own;
};
constexpr CascadeSplits cascade_splits(const AttentionParams& p) {
  if (p.shared_kv == 0) return {0, decode_splits(p, 2)};
  if (p.splits > 0) return {asked_splits(p), asked_splits(p)};
  AttentionParams own = p;
  own.seqlen_kv = p.seqlen_kv - p.shared_kv;
  const int rows = p.heads_q / p.heads_kv * p.seqlen_q * p.batch;
  return {splits_for(ceil_div(rows, 16) * p.heads_kv, p.shared_kv, 2 * p.multiprocessors),
          decode_splits(own, 2)};
}
constexpr std::size_t cascade_workspace(const AttentionParams& p) {
  const CascadeSplits splits = cascade_splits(p);
  return splits_bytes(p, splits.shared + splits.own);
}

ATTNLAB_CUDA_LAUNCHERS(cascade_04, AttentionParams);

constexpr Kernel kDecode04[] = {{
    .name = "cascade-04",
    .title = "Grouped split-KV decode, a shared prefix read once",
    .paper = "Ye et al. 2024, Cascade inference; Juravsky et al. 2024, Hydragen",
    .idea = "all sequences' rows are packed for the keys that they share, and merged with what follows",
    .limit = "one level of sharing; a launch for each part",
    .pass = Pass::decode,
    .algorithm = nullptr,
    .operands = kDecodeOperands,
    .needs = kCascadeDecode,
    .launches = 3,
    .launches_narrow = 3,
    .whole_rows = false,
    .tensor_cores = true,
    .geometry = cascade_geometry,
    .workspace_bytes = cascade_workspace,
    .launchers = cascade_04,
}};

}  // namespace attnlab::cuda
