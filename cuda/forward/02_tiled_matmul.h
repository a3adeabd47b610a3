// tiled-02: geometry and row.
#pragma once

#include "cuda/device/geometry.h"
#include "cuda/host/scalar.h"

namespace attnlab::cuda {

// Square tiles of S, P and O; 8 rows of threads, each thread 4 rows of the tile.
constexpr Geometry tiled_geometry(int, Tiles) { return {32, 32, 256, floats(2 * 32 * 33)}; }

ATTNLAB_CUDA_LAUNCHERS(tiled_02, AttentionParams);

constexpr Kernel kForward02[] = {{
    .name = "tiled-02",
    .title = "Attention by tiled products",
    .paper = "Dao et al. 2022, Algorithm 0",
    .idea = "tiles in shared memory: a number serves 32 products",
    .limit = "S and P through HBM",
    .pass = Pass::forward,
    .algorithm = "standard",
    .operands = kForwardOperands,
    .needs = kScalarAttention,
    .launches = 3,
    .launches_narrow = 3,
    .whole_rows = true,
    .geometry = tiled_geometry,
    .workspace_bytes = scores_bytes,
    .launchers = tiled_02,
    .spills = "ptxas for sm_80 keeps two numbers of the output kernel in local memory; for sm_90a, none",
}};

}  // namespace attnlab::cuda
