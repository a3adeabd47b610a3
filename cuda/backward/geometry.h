// Tiles, threads, shared memory and workspaces of the backward rungs.
#pragma once

#include "cuda/forward/geometry.h"

namespace attnlab::cuda {

// 06 and 07: square tiles (Br = Bc) of Q, dO, K and V, of P and dS, and lse and delta of the tile's rows. At
// most 78 KB, so that GPUs with less than 100 KB a block run every head_dim.
constexpr int backward_tile_rows(int head_dim) { return head_dim <= 128 ? 32 : 16; }
// P's and dS's rows, padded so that the two rows that a warp stores at once lie 16 banks apart.
constexpr int weight_padding(int tile) { return tile == 32 ? 4 : 8; }
constexpr Geometry backward_geometry(int head_dim) {
  const int tile = backward_tile_rows(head_dim);
  return {tile, tile, 128,
          floats(4 * tile * (head_dim + kRowPadding) + 2 * tile * (tile + weight_padding(tile)) + 2 * tile)};
}
template <int Tile>
inline constexpr int kWeightPadding = weight_padding(Tile);
template <int D>
inline constexpr Geometry kBackward = backward_geometry(D);

// One number for each row of every query head.
constexpr std::size_t delta_bytes(const AttentionParams& p) {
  const int batches = p.cu_seqlens_q != nullptr ? 1 : p.batch;
  return floats(1) * static_cast<std::size_t>(batches) * static_cast<std::size_t>(p.heads_q) *
         static_cast<std::size_t>(p.rows_q);
}
// delta, and dQ in fp32 where its own type is narrower.
constexpr std::size_t delta_and_dq_bytes(const AttentionParams& p) {
  return delta_bytes(p) * static_cast<std::size_t>(1 + (p.type == ElementType::f32 ? 0 : p.head_dim));
}

}  // namespace attnlab::cuda
