// Tiles of Q, K, V or O between global memory and shared memory, by all threads of a block together: thread
// after thread along the row, so that a warp's request touches neighbouring sectors. The loops run equally
// often for every thread; what lies outside the sequence is never read: it becomes 0.
//
// Loads pass the L1 by (__ldcg), as FlashAttention-2's copies do (cp.async.cg): a block asks for each byte of
// a tile once, and what resident blocks would find of one another's tiles in the L1 is chance.
#pragma once

#include "cuda/device/elements.cuh"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

// tile[r * Stride + c] = from[(row + r) * row_stride + c] for r < Rows, c < Cols; 0 from row end on.
template <int Rows, int Cols, int Stride, int Threads, class T>
__device__ inline void load_tile(float* tile, const T* from, std::int64_t row_stride, int row, int end) {
  static_assert(Rows * Cols % Threads == 0, "every thread moves as many elements");
#pragma unroll 4
  for (int n = 0; n < Rows * Cols / Threads; ++n) {
    const int e = n * Threads + static_cast<int>(threadIdx.x), r = e / Cols, c = e % Cols;
    float x = 0.0f;
    if (row + r < end) x = to_float(__ldcg(from + (row + r) * row_stride + c));
    tile[r * Stride + c] = x;
  }
}

// The way back, for rows before end.
template <int Rows, int Cols, int Stride, int Threads, class T>
__device__ inline void store_tile(T* to, std::int64_t row_stride, int row, int end, const float* tile) {
  static_assert(Rows * Cols % Threads == 0, "every thread moves as many elements");
#pragma unroll 4
  for (int n = 0; n < Rows * Cols / Threads; ++n) {
    const int e = n * Threads + static_cast<int>(threadIdx.x), r = e / Cols, c = e % Cols;
    if (row + r < end) to[(row + r) * row_stride + c] = from_float<T>(tile[r * Stride + c]);
  }
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
