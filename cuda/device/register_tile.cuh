// A tile's products in registers: a thread has some neighbouring rows of one operand and every 16th row of the other,
// and reads both from shared memory four numbers at a time.
#pragma once

#include "cuda/device/elements.cuh"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

inline constexpr int kLanes = 16;  // threads that share their rows

// N floats at a multiple of their size, in one access.
template <int N>
__device__ inline void load_vector(float (&to)[N], const float* from) {
  static_assert(N == 1 || N == 2 || N == 4, "32, 64 or 128 bits");
  if constexpr (N == 4) {
    const float4 x = *reinterpret_cast<const float4*>(from);
    to[0] = x.x, to[1] = x.y, to[2] = x.z, to[3] = x.w;
  } else if constexpr (N == 2) {
    const float2 x = *reinterpret_cast<const float2*>(from);
    to[0] = x.x, to[1] = x.y;
  } else {
    to[0] = *from;
  }
}

// products[r][c] = a_r . b_c over D numbers: a_r is row r of `a`, b_c row 16 c of `b`, rows Stride apart. Unroll: steps
// of four numbers whose loads are in flight together, as far as registers go.
template <int D, int Stride, int Unroll, int Rows, int Cols>
__device__ inline void tile_dots(const float* a, const float* b, float (&products)[Rows][Cols]) {
#pragma unroll
  for (int r = 0; r < Rows; ++r) {
#pragma unroll
    for (int c = 0; c < Cols; ++c) products[r][c] = 0.0f;
  }
#pragma unroll Unroll
  for (int t = 0; t < D; t += 4) {
    float x[Rows][4], y[Cols][4];
#pragma unroll
    for (int r = 0; r < Rows; ++r) load_vector(x[r], a + r * Stride + t);
#pragma unroll
    for (int c = 0; c < Cols; ++c) load_vector(y[c], b + kLanes * c * Stride + t);
#pragma unroll
    for (int r = 0; r < Rows; ++r) {
#pragma unroll
      for (int c = 0; c < Cols; ++c) {
#pragma unroll
        for (int u = 0; u < 4; ++u) products[r][c] = fmaf(x[r][u], y[c][u], products[r][c]);
      }
    }
  }
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
