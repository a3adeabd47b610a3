// mla-05: geometry and row.
#pragma once

#include "cuda/device/geometry.h"
#include "cuda/host/decode_row.h"

namespace attnlab::cuda {

inline constexpr int kMlaHeadDims[] = {576};
inline constexpr int kMlaValueDim = 512, kMlaWarps = 8, kMlaKeys = 32;
inline constexpr int kWeightColumns = 64;  // of P, of which kMlaKeys are used: 8 pieces of 16 bytes
inline constexpr Requires kMla{.dtypes = kHalfTypes,
                               .head_dims = kMlaHeadDims,
                               .options = Option::causal | Option::window | Option::grouped_heads |
                                          Option::padded | Option::packed | Option::value_dim |
                                          Option::paged};

constexpr int mla_rows(const AttentionParams& p) { return p.heads_q * p.seqlen_q <= 16 ? 16 : 64; }

// Two tiles of keys, Q, P, four parts of S, and of each row: its keys and three numbers.
constexpr std::size_t mla_bytes(int rows) {
  const int halves = 2 * kMlaKeys * 576 + rows * 576 + rows * kWeightColumns;
  return static_cast<std::size_t>(2 * halves) + floats((4 * (kMlaKeys + 8) + 2 + 3) * rows);
}
constexpr Geometry mla_geometry(int, Tiles) { return {64, kMlaKeys, 32 * kMlaWarps, mla_bytes(64)}; }

constexpr int mla_splits(const AttentionParams& p) {
  if (p.splits > 0) return asked_splits(p);
  return splits_for(ceil_div(p.heads_q * p.seqlen_q, mla_rows(p)) * p.batch, p.seqlen_kv,
                    (mla_rows(p) == 16 ? 2 : 1) * p.multiprocessors);
}
constexpr std::size_t mla_workspace(const AttentionParams& p) { return splits_bytes(p, mla_splits(p)); }

ATTNLAB_CUDA_LAUNCHERS(mla_05, AttentionParams);

constexpr Kernel kDecode05[] = {{
    .name = "mla-05",
    .title = "MLA's absorbed decode",
    .paper = "DeepSeek-AI 2024, DeepSeek-V2, section 2.1",
    .idea = "keys and values are one latent: a tile in shared memory serves both products, for all heads",
    .limit = "mma.sync: both operands of every product come from shared memory",
    .pass = Pass::decode,
    .algorithm = nullptr,
    .operands = kDecodeOperands,
    .needs = kMla,
    .launches = 2,
    .launches_narrow = 2,
    .whole_rows = false,
    .tensor_cores = true,
    .geometry = mla_geometry,
    .workspace_bytes = mla_workspace,
    .launchers = mla_05,
}};

}  // namespace attnlab::cuda
