// 03, softmax with one block per row.
//
// Paper:    Milakov & Gimelshein, "Online normalizer calculation for softmax" (2018), Algorithm 2, safe
//           softmax.
// Idea:     8 warps share a row; their maxima and sums meet in shared memory. A row as long as a vocabulary
//           is read by 8 warps at once, and a few rows already fill the GPU.
// Traffic:  3 loads and 1 store per element, as before.
// Limits:   two exchanges between warps, each with barriers, and the maximum still costs a pass of its own
//           (rung 04 finds it in the pass of the sum).
#include "cuda/device/launch.cuh"
#include "cuda/device/warp.cuh"
#include "cuda/softmax/03_block_per_row.h"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

inline constexpr int kWarps = kSoftmaxBlockPerRow.threads / 32;

// The maximum, or the sum, over all threads of the block. scratch is free before and after.
template <bool Maximum>
__device__ inline float block_reduce(float value, float (&scratch)[kWarps]) {
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  value = Maximum ? warp_max(value) : warp_sum(value);
  if (lane == 0) scratch[warp] = value;
  __syncthreads();
  float all = scratch[0];
#pragma unroll
  for (int w = 1; w < kWarps; ++w) all = Maximum ? fmaxf(all, scratch[w]) : all + scratch[w];
  __syncthreads();
  return all;
}

template <class T>
__global__ void __launch_bounds__(kSoftmaxBlockPerRow.threads) softmax_block_kernel(const SoftmaxParams p) {
  __shared__ float scratch[kWarps];
  constexpr int Threads = kSoftmaxBlockPerRow.threads;
  const int thread = static_cast<int>(threadIdx.x);
  const std::int64_t row = blockIdx.x;
  const T* x = static_cast<const T*>(p.x) + row * p.x_row_stride;
  T* y = static_cast<T*>(p.y) + row * p.y_row_stride;

  float m = -INFINITY, l = 0.0f;
  for (int first = 0; first < p.cols; first += Threads) {
    if (first + thread < p.cols) m = fmaxf(m, to_float(x[first + thread]));
  }
  m = block_reduce<true>(m, scratch);
  const float base = exponent_base(m);
  for (int first = 0; first < p.cols; first += Threads) {
    if (first + thread < p.cols) l += weight(to_float(x[first + thread]), base);
  }
  l = block_reduce<false>(l, scratch);
  const float norm = reciprocal_or_zero(l);
  for (int first = 0; first < p.cols; first += Threads) {
    const int j = first + thread;
    if (j < p.cols) y[j] = from_float<T>(weight(to_float(x[j]), base) * norm);
  }
}

void softmax_03(const SoftmaxParams& p, void* on_stream) {
  const auto stream = static_cast<cudaStream_t>(on_stream);
  for_type<kScalarSoftmax>(p.type, [&]<class T>() {
    constexpr Geometry kGeometry = kSoftmaxBlockPerRow;
    const int blocks = (p.rows + kGeometry.br - 1) / kGeometry.br;
    softmax_block_kernel<T><<<blocks, kGeometry.threads, 0, stream>>>(p);
    ATTNLAB_CUDA_LAUNCHED("softmax_block_kernel");
  });
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
