// naive-01: geometry and row.
#pragma once

#include "cuda/device/geometry.h"
#include "cuda/host/scalar.h"

namespace attnlab::cuda {

// No tile; blocks of 4 rows of 32 columns.
constexpr Geometry naive_geometry(int, Tiles) { return {1, 1, 128, 0}; }

ATTNLAB_CUDA_LAUNCHERS(naive_01, AttentionParams);

constexpr Kernel kForward01[] = {{
    .name = "naive-01",
    .title = "Naive attention",
    .paper = "Dao et al. 2022, Algorithm 0",
    .idea = "one thread per number; S and P in HBM",
    .limit = "uncoalesced requests; nothing reused",
    .pass = Pass::forward,
    .algorithm = "standard",
    .operands = kForwardOperands,
    .needs = kScalarAttention,
    .launches = 3,
    .launches_narrow = 3,
    .whole_rows = true,
    .geometry = naive_geometry,
    .workspace_bytes = scores_bytes,
    .launchers = naive_01,
}};

}  // namespace attnlab::cuda
