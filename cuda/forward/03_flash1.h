// flash1-03: geometry and row.
#pragma once

#include "cuda/device/row_geometry.h"
#include "cuda/host/scalar.h"

namespace attnlab::cuda {

// m and l, and O in fp32 where its own type is narrower.
constexpr std::size_t flash1_workspace_bytes(const AttentionParams& p) {
  return row_bytes(p) * static_cast<std::size_t>(2 + (p.type == DType::f32 ? 0 : p.head_dim));
}

ATTNLAB_CUDA_LAUNCHERS(flash1_03, AttentionParams);

constexpr Kernel kForward03[] = {{
    .name = "flash1-03",
    .title = "FlashAttention",
    .paper = "Dao et al. 2022, Algorithm 1",
    .idea = "S and P never leave the SM",
    .limit = "O, l, m through HBM at every outer step; one block per head",
    .pass = Pass::forward,
    .algorithm = "flash1",
    .operands = kForwardOperands,
    .needs = kScalarAttention,
    .launches = 1,
    .launches_narrow = 1,
    .whole_rows = false,
    .geometry = thread_per_row_geometry,
    .takes = thread_per_row_takes,
    .workspace_bytes = flash1_workspace_bytes,
    .launchers = flash1_03,
}};

}  // namespace attnlab::cuda
