// Tiles, threads, shared memory and workspaces of the kernels that compute a backward tile
// (backward_tile.cuh).
#pragma once

#include "cuda/device/geometry.h"

namespace attnlab::cuda {

// Square tiles (Br = Bc) of Q, dO, K and V, of P and dS, and lse and delta of the tile's rows. At most 78 KB,
// so that GPUs with less than 100 KB per block run every head_dim.
constexpr int backward_tile_rows(int head_dim) { return head_dim <= 128 ? 32 : 16; }
// P's and dS's rows, padded so that the two rows that a warp stores at once lie 16 banks apart.
constexpr int weight_padding(int tile) { return tile == 32 ? 4 : 8; }
constexpr Geometry backward_geometry(int head_dim, Tiles asked) {
  const int tile = asked_or(asked.br, backward_tile_rows(head_dim));
  return {tile, tile, 128,
          floats(4 * tile * (head_dim + kRowPadding) + 2 * tile * (tile + weight_padding(tile)) + 2 * tile)};
}
// Square ones: a tile's P is taken by rows for dQ, and by columns for dK and dV.
constexpr bool backward_takes(int, Tiles tiles) {
  return tiles.br == tiles.bc && (tiles.br == 16 || tiles.br == 32);
}

template <int Tile>
inline constexpr int kWeightPadding = weight_padding(Tile);
template <int D>
inline constexpr Geometry kBackward = backward_geometry(D, kAskedTiles);

constexpr std::size_t delta_bytes(const AttentionParams& p) { return row_bytes(p); }
// delta, and dQ in fp32 where its own type is narrower.
constexpr std::size_t delta_and_dq_bytes(const AttentionParams& p) {
  return delta_bytes(p) * static_cast<std::size_t>(1 + (p.type == DType::f32 ? 0 : p.head_dim));
}

}  // namespace attnlab::cuda
