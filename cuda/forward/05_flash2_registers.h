// flash2-05: geometry and row.
#pragma once

#include "cuda/device/geometry.h"
#include "cuda/host/scalar.h"

namespace attnlab::cuda {

// 16 threads share 4 rows.
constexpr Geometry register_tile_geometry(int head_dim, Tiles asked) {
  const int own = head_dim <= 128 ? 64 : 32, br = asked_or(asked.br, own), bc = asked_or(asked.bc, own);
  const int stride = head_dim + kRowPadding;
  return {br, bc, 4 * br, floats(br * stride + bc * stride + br * (bc + kRowPadding))};
}
// Whole warps of 8 rows; 1 to 4 columns per thread; as many elements of a tile of K for every thread.
constexpr bool register_tile_takes(int head_dim, Tiles tiles) {
  return tiles.br % 8 == 0 && tiles.br <= 256 && tiles.bc % 16 == 0 && tiles.bc <= 64 &&
         tiles.bc * head_dim % (4 * tiles.br) == 0;
}

template <int D>
inline constexpr Geometry kRegisterTile = register_tile_geometry(D, kAskedTiles);

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
    .takes = register_tile_takes,
    .launchers = flash2_05,
}};

}  // namespace attnlab::cuda
