// flash2-04: geometry and row.
#pragma once

#include "cuda/device/row_geometry.h"
#include "cuda/host/scalar.h"

namespace attnlab::cuda {

ATTNLAB_CUDA_LAUNCHERS(flash2_04, AttentionParams);

constexpr Kernel kForward04[] = {{
    .name = "flash2-04",
    .title = "FlashAttention-2, one thread per row",
    .paper = "Dao 2023, Algorithm 1",
    .idea = "rows outside: O stays; one block per row block; hidden tiles skipped",
    .limit = "a number from shared memory serves one row",
    .pass = Pass::forward,
    .algorithm = "flash2",
    .operands = kForwardOperands,
    .needs = kScalarAttention,
    .launches = 1,
    .launches_narrow = 1,
    .whole_rows = false,
    .geometry = thread_per_row_geometry,
    .takes = thread_per_row_takes,
    .launchers = flash2_04,
}};

}  // namespace attnlab::cuda
