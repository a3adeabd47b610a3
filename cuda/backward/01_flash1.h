// flash1-backward-01: row.
#pragma once

#include "cuda/device/backward_geometry.h"
#include "cuda/host/backward_params.h"
#include "cuda/host/scalar.h"

namespace attnlab::cuda {

ATTNLAB_CUDA_LAUNCHERS(flash1_backward_01, BackwardParams);

constexpr Kernel kBackward01[] = {{
    .name = "flash1-backward-01",
    .title = "FlashAttention backward",
    .paper = "Dao et al. 2022, Algorithm 4",
    .idea = "P recomputed from lse; dK and dV stay in registers",
    .limit = "dQ through HBM at every outer step; one block per KV head",
    .pass = Pass::backward,
    .algorithm = "flash1",
    .operands = kBackwardOperands,
    .needs = kScalarAttention,
    .launches = 1,
    .launches_narrow = 2,
    .whole_rows = false,
    .geometry = backward_geometry,
    .takes = backward_takes,
    .workspace_bytes = delta_and_dq_bytes,
    .launchers = flash1_backward_01,
}};

}  // namespace attnlab::cuda
