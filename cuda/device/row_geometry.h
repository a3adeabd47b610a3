// Tiles of the kernels with one thread per row of Q: 03 and 04 of forward.
#pragma once

#include "cuda/device/geometry.h"

namespace attnlab::cuda {

// Wide rows of O do not fit into one thread's registers: at head_dim 256 two threads hold half a row each.
constexpr int threads_per_row(int head_dim) { return head_dim > 128 ? 2 : 1; }
constexpr Geometry thread_per_row_geometry(int head_dim, Tiles asked) {
  const int br = asked_or(asked.br, head_dim <= 64 ? 128 : 64), bc = asked_or(asked.bc, 16);
  return {br, bc, br * threads_per_row(head_dim), floats(br * (head_dim + kRowPadding) + 2 * bc * head_dim)};
}

// Whole warps; as many elements of a tile of K for every thread; eight keys at a time.
constexpr bool thread_per_row_takes(int head_dim, Tiles tiles) {
  const int threads = tiles.br * threads_per_row(head_dim);
  return tiles.br % 32 == 0 && threads <= 1024 && tiles.bc % 8 == 0 && tiles.bc * head_dim % threads == 0;
}

template <int D>
inline constexpr Geometry kThreadPerRow =
    thread_per_row_geometry(D, kAskedTiles);  // device code reads variables alone
template <int D>
inline constexpr int kThreadsPerRow = threads_per_row(D);

}  // namespace attnlab::cuda
