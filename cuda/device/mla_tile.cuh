// Tiles of 16-bit numbers in shared memory as matrix instructions read them: rows of 128 bytes or a multiple, in
// pieces of 16 bytes whose place is exchanged with the row's number, so that 8 rows of one column of pieces meet all
// banks.
#pragma once

#include "cuda/device/decode_rows.cuh"
#include "cuda/device/sm80/matrix.cuh"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

template <class T, int Columns>
struct SharedTile {
  static constexpr int kPieces = Columns / 8;
  static_assert(kPieces % 8 == 0);
  T* data;

  __device__ __forceinline__ T* piece(int row, int n) const {
    return data + row * Columns + (n ^ row % 8) * 8;
  }
  __device__ __forceinline__ T* at(int row, int column) const { return piece(row, column / 8) + column % 8; }

  // Where this lane reads for load_matrices. Eight pieces on, it is 64 numbers on: addresses are made once.
  //
  // Of rows [row, row + 16) and the pieces n and n + 1: an A operand, or two B operands transposed (rows [row, row + 8)
  // b[0], b[1]; rows [row + 8, row + 16) b[2], b[3]).
  __device__ __forceinline__ const T* of_a(int row, int n) const {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    return piece(row + lane % 16, n + lane / 16);
  }
  __device__ __forceinline__ const T* of_two_b(int row, int n) const {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    return piece(row + lane % 8 + lane / 16 * 8, n + lane / 8 % 2);
  }
};

// Keys [key, key + Rows) by all warps of the block together, by asynchronous copies; 0 where they are none of `keys`. A
// row is copied by 8 lanes, 128 bytes at a time.
template <int Rows, int Warps, class T, int Columns>
__device__ __forceinline__ void copy_keys(const SharedTile<T, Columns>& tile, const Side<T>& from,
                                          const Pages& pages, int key, const Keys& keys) {
  static_assert(Rows == 4 * Warps && Columns % 64 == 0);
  const int r = static_cast<int>(threadIdx.x) / 8, first = static_cast<int>(threadIdx.x) % 8, j = key + r;
  const bool wanted = j >= keys.begin && j < keys.end;
  const T* source = (wanted ? from.row(pages.place(j)) : from.data) + first * 8;
  T* target = tile.piece(r, first);
#pragma unroll
  for (int n = 0; n < Columns / 64; ++n)
    copy_async<16>(target + n * 64, wanted ? source + n * 64 : source, wanted);
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
