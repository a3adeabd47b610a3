// split-kv-01: geometry and row.
#pragma once

#include "cuda/host/decode_row.h"

namespace attnlab::cuda {

inline constexpr DType kSplitKvTypes[] = {DType::f32, DType::f16, DType::bf16};
inline constexpr int kSplitKvHeadDims[] = {32, 64, 80, 96, 128, 256, 576};
inline constexpr Requires kSplitKv{
    .dtypes = kSplitKvTypes,
    .head_dims = kSplitKvHeadDims,
    .options = Option::causal | Option::window | Option::softcap | Option::alibi | Option::grouped_heads |
               Option::padded | Option::packed | Option::value_dim | Option::paged | Option::narrow_cache};

// A warp for each row and split.
constexpr Geometry split_kv_geometry(int, Tiles) { return {1, 1, 128, 0}; }
constexpr int split_kv_splits(const AttentionParams& p) {
  if (p.splits > 0) return asked_splits(p);
  return splits_for(ceil_div(p.seqlen_q * p.heads_q * p.batch, 4), p.seqlen_kv, 8 * p.multiprocessors);
}
constexpr std::size_t split_kv_workspace(const AttentionParams& p) {
  return partial_bytes(p, split_kv_splits(p));
}

ATTNLAB_CUDA_LAUNCHERS(split_kv_01, AttentionParams);

constexpr Kernel kDecode01[] = {{
    .name = "split-kv-01",
    .title = "Split-KV decode, a warp for each row and split",
    .paper = "Dao et al. 2023, Flash-Decoding",
    .idea = "splits of the keys fill the GPU where a few query rows cannot; a second kernel combines them",
    .limit = "each query head reads its keys anew; one key at a time, in scalar arithmetic",
    .pass = Pass::decode,
    .algorithm = nullptr,
    .operands = kDecodeOperands,
    .needs = kSplitKv,
    .launches = 2,
    .launches_narrow = 2,
    .whole_rows = false,
    .geometry = split_kv_geometry,
    .workspace_bytes = split_kv_workspace,
    .launchers = split_kv_01,
}};

}  // namespace attnlab::cuda
