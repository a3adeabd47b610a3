// Tiles, threads and shared memory of the forward rungs, by head_dim. Kernels are compiled from these numbers
// and the registry shows them.
#pragma once

#include "cuda/host/registry.h"

namespace attnlab::cuda {

// Rows of Q (and O) in shared memory have 4 floats of padding: lanes that each read a float4 of their own row
// then meet different banks.
inline constexpr int kRowPadding = 4;

constexpr std::size_t floats(int count) { return static_cast<std::size_t>(count) * sizeof(float); }

// 01: no tile; blocks of 4 rows of 32 columns.
constexpr Geometry naive_geometry(int) { return {1, 1, 128, 0}; }

// 02: square tiles of S, P and O; 8 rows of threads, each thread 4 rows of the tile.
constexpr Geometry tiled_geometry(int) { return {32, 32, 256, floats(2 * 32 * 33)}; }

// 03 and 04: a thread a row of Q. Wide rows of O do not fit into one thread's registers; at head_dim 256 two
// threads hold half a row each.
constexpr int threads_a_row(int head_dim) { return head_dim > 128 ? 2 : 1; }
constexpr Geometry thread_a_row_geometry(int head_dim) {
  const int br = head_dim <= 64 ? 128 : 64, bc = 16;
  return {br, bc, br * threads_a_row(head_dim), floats(br * (head_dim + kRowPadding) + 2 * bc * head_dim)};
}

template <int D>
inline constexpr Geometry kThreadARow = thread_a_row_geometry(D);  // device code may read variables alone
template <int D>
inline constexpr int kThreadsARow = threads_a_row(D);

// 05: 16 threads share 4 rows.
constexpr Geometry register_tile_geometry(int head_dim) {
  const int br = head_dim <= 128 ? 64 : 32, bc = br, stride = head_dim + kRowPadding;
  return {br, bc, 4 * br, floats(br * stride + bc * stride + br * (bc + kRowPadding))};
}
template <int D>
inline constexpr Geometry kRegisterTile = register_tile_geometry(D);

// Scores of all heads.
constexpr std::size_t scores_bytes(const AttentionParams& p) {
  return sizeof(float) * static_cast<std::size_t>(p.batch) * static_cast<std::size_t>(p.heads_q) *
         static_cast<std::size_t>(p.seqlen_q) * static_cast<std::size_t>(p.seqlen_kv);
}
// 03: m and l, and O in fp32 where its own type is narrower.
constexpr std::size_t flash1_workspace_bytes(const AttentionParams& p) {
  const int a_row = 2 + (p.type == ElementType::f32 ? 0 : p.head_dim);
  const int batches = p.cu_seqlens_q != nullptr ? 1 : p.batch;
  return floats(a_row) * static_cast<std::size_t>(batches) * static_cast<std::size_t>(p.heads_q) *
         static_cast<std::size_t>(p.rows_q);
}

}  // namespace attnlab::cuda
