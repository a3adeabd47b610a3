// ring-03: geometry and row.
#pragma once

#include "cuda/host/decode_row.h"

namespace attnlab::cuda {

// A warp's tile; the rings of four warps, which leave room for the merge.
constexpr Geometry ring_geometry(int, Tiles) { return {16, 16, 128, 4 * 24576}; }

constexpr int ring_splits(const AttentionParams& p) { return decode_splits(p, 2); }
constexpr std::size_t ring_workspace(const AttentionParams& p) { return splits_bytes(p, ring_splits(p)); }

ATTNLAB_CUDA_LAUNCHERS(ring_03, AttentionParams);

constexpr Kernel kDecode03[] = {{
    .name = "ring-03",
    .title = "Grouped split-KV decode, a ring of tiles for each warp",
    .paper = "Dao et al. 2023, Flash-Decoding; Ainslie et al. 2023",
    .idea = "copies several tiles ahead, of lines that follow one another; warps never meet",
    .limit = "shared memory is crossed on the way; long sequences beside short ones",
    .pass = Pass::decode,
    .algorithm = nullptr,
    .operands = kDecodeOperands,
    .needs = kGroupedDecode,
    .launches = 2,
    .launches_narrow = 2,
    .whole_rows = false,
    .tensor_cores = true,
    .geometry = ring_geometry,
    .workspace_bytes = ring_workspace,
    .launchers = ring_03,
}};

}  // namespace attnlab::cuda
