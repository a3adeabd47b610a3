// grouped-02: geometry and row.
#pragma once

#include "cuda/host/decode_row.h"

namespace attnlab::cuda {

// A warp's tile; the room in which a block's warps merge.
constexpr Geometry grouped_geometry(int head_dim, Tiles) {
  return {16, 16, 128, static_cast<std::size_t>(4 * 16 * (head_dim + 6)) * sizeof(float)};
}

constexpr int grouped_splits(const AttentionParams& p) {
  return decode_splits(p, packed_rows(p) == 8 ? 3 : 2);
}
constexpr std::size_t grouped_workspace(const AttentionParams& p) {
  return splits_bytes(p, grouped_splits(p));
}

ATTNLAB_CUDA_LAUNCHERS(grouped_02, AttentionParams);

constexpr Kernel kDecode02[] = {{
    .name = "grouped-02",
    .title = "Grouped split-KV decode, keys straight into registers",
    .paper = "Dao et al. 2023, Flash-Decoding; Ainslie et al. 2023",
    .idea = "a group's heads share each key, on tensor cores; no shared memory on the way",
    .limit = "registers bound what is on its way",
    .pass = Pass::decode,
    .algorithm = nullptr,
    .operands = kDecodeOperands,
    .needs = kGroupedDecode,
    .launches = 2,
    .launches_narrow = 2,
    .whole_rows = false,
    .tensor_cores = true,
    .geometry = grouped_geometry,
    .workspace_bytes = grouped_workspace,
    .launchers = grouped_02,
}};

}  // namespace attnlab::cuda
