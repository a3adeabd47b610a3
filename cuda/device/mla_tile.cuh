// Tiles of 16-bit numbers in shared memory as matrix instructions read them: rows of 128 bytes or a multiple, in
// pieces of 16 bytes whose place is exchanged with the row's number, so that 8 rows of one column of pieces meet all
// banks.
#pragma once

#include "cuda/device/decode_rows.cuh"
#include "cuda/device/sm80/matrix.cuh"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

// Over the 8 lanes with the same lane % 4.
__device__ __forceinline__ float max_over_keys(float x) {
#pragma unroll
  for (int distance = 4; distance < 32; distance *= 2) x = fmaxf(x, __shfl_xor_sync(kAllLanes, x, distance));
  return x;
}
__device__ __forceinline__ float sum_over_keys(float x) {
#pragma unroll
  for (int distance = 4; distance < 32; distance *= 2) x += __shfl_xor_sync(kAllLanes, x, distance);
  return x;
}

template <class T, int Columns>
struct SharedTile {
  static constexpr int kPieces = Columns / 8;
  static_assert(kPieces % 8 == 0);
  T* data;

  __device__ __forceinline__ T* piece(int row, int n) const {
    return data + row * Columns + (n ^ row % 8) * 8;
  }
  __device__ __forceinline__ T* at(int row, int column) const { return piece(row, column / 8) + column % 8; }

  // Of rows [row, row + 16) and columns [column, column + 16): an A operand.
  __device__ __forceinline__ void load_a(unsigned (&a)[4], int row, int column) const {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    load_matrices<false>(a, piece(row + lane % 16, column / 8 + lane / 16));
  }
  // The same of the transposed tile: rows of A are columns [column, column + 16), columns are rows [row, row + 16).
  __device__ __forceinline__ void load_a_transposed(unsigned (&a)[4], int row, int column) const {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    load_matrices<true>(a, piece(row + lane % 8 + lane / 16 * 8, column / 8 + lane / 8 % 2));
  }
  // The B operands of rows [row, row + 8) (b[0], b[1]) and [row + 8, row + 16), transposed, columns [column, column +
  // 16).
  __device__ __forceinline__ void load_two_b(unsigned (&b)[4], int row, int column) const {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    load_matrices<false>(b, piece(row + lane % 8 + lane / 16 * 8, column / 8 + lane / 8 % 2));
  }
};

// Keys [key, key + Rows) by all warps of the block together, by asynchronous copies; 0 where they are none of `keys`.
// Each warp finds the places of its own rows.
template <int Rows, int Warps, class T, int Columns>
__device__ __forceinline__ void copy_keys(const SharedTile<T, Columns>& tile, const Side<T>& from,
                                          const Pages& pages, int key, const Keys& keys) {
  constexpr int kRows = Rows / Warps, kPieces = Columns / 8;
  static_assert(kRows <= 32 && kRows * kPieces % 32 == 0);
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int mine = key + warp * kRows + lane % kRows;
  const bool wanted = mine >= keys.begin && mine < keys.end;
  const auto row = reinterpret_cast<unsigned long long>(wanted ? from.row(pages.place(mine)) : nullptr);
#pragma unroll 3
  for (int n = 0; n < kRows * kPieces / 32; ++n) {
    const int r = (n * 32 + lane) / kPieces, piece = (n * 32 + lane) % kPieces;
    const auto* source = reinterpret_cast<const T*>(__shfl_sync(0xffffffffu, row, r));
    copy_async<16>(tile.piece(warp * kRows + r, piece), source == nullptr ? from.data : source + piece * 8,
                   source != nullptr);
  }
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
