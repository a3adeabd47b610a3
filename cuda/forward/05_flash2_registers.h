// flash2-05: geometry and row.
#pragma once

#include "cuda/device/geometry.h"
#include "cuda/host/scalar.h"

namespace attnlab::cuda {

// 16 threads share 4 rows.
constexpr Geometry register_tile_geometry(int head_dim) {
  const int br = head_dim <= 128 ? 64 : 32, bc = br, stride = head_dim + kRowPadding;
  return {br, bc, 4 * br, floats(br * stride + bc * stride + br * (bc + kRowPadding))};
}
template <int D>
inline constexpr Geometry kRegisterTile = register_tile_geometry(D);

ATTNLAB_CUDA_LAUNCHERS(flash2_05, AttentionParams);

constexpr Kernel kForward05[] = {{
    .name = "flash2-05",
    .title = "FlashAttention-2, register tiles",
    .paper = "Dao 2023, Algorithm 1",
    .idea = "4 x 4 scores per thread; row maxima by shuffles",
    .limit = "scalar arithmetic; loads and products take turns",
    .pass = Pass::forward,
    .algorithm = "flash2",
    .operands = kForwardOperands,
    .needs = kScalarAttention,
    .launches = 1,
    .launches_narrow = 1,
    .whole_rows = false,
    .geometry = register_tile_geometry,
    .launchers = flash2_05,
}};

}  // namespace attnlab::cuda
