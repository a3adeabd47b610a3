// 04, online softmax: the maximum and the sum in one pass.
//
// Paper:    Milakov & Gimelshein, "Online normalizer calculation for softmax" (2018), Algorithm 3, lines 1
//           to 6, and its parallel form (section 3.1): (m, l) of two sets merge into (m, l) of their union.
// Idea:     whenever a larger element comes, the sum so far is rescaled to it, so no pass must know the
//           maximum before. Lanes and warps merge their pairs (m, l) as they merged sums in rung 03.
// Traffic:  2 loads and 1 store per element.
// Limits:   one exponential more per element, and still a second pass: the result needs the whole sum.
//           Attention does not have to write its softmax; there the same step removes every pass
//           (attention's rung 03).
#include "cuda/device/launch.cuh"
#include "cuda/device/warp.cuh"
#include "cuda/softmax/04_online.h"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

inline constexpr int kOnlineWarps = kSoftmaxOnline.threads / 32;

template <class T>
__global__ void __launch_bounds__(kSoftmaxOnline.threads) softmax_online_kernel(const SoftmaxParams p) {
  __shared__ float m_of[kOnlineWarps], l_of[kOnlineWarps];
  constexpr int Threads = kSoftmaxOnline.threads;
  const int thread = static_cast<int>(threadIdx.x);
  const std::int64_t row = blockIdx.x;
  const T* x = static_cast<const T*>(p.x) + row * p.x_row_stride;
  T* y = static_cast<T*>(p.y) + row * p.y_row_stride;

  RunningSum sum{-INFINITY, 0.0f};
  for (int first = 0; first < p.cols; first += Threads) {
    if (first + thread < p.cols) sum = merge(sum, {to_float(x[first + thread]), 1.0f});
  }
  sum = warp_merge(sum);
  if (thread % 32 == 0) {
    m_of[thread / 32] = sum.m;
    l_of[thread / 32] = sum.l;
  }
  __syncthreads();
  sum = {m_of[0], l_of[0]};
#pragma unroll
  for (int w = 1; w < kOnlineWarps; ++w) sum = merge(sum, {m_of[w], l_of[w]});

  const float base = exponent_base(sum.m), norm = reciprocal_or_zero(sum.l);
  for (int first = 0; first < p.cols; first += Threads) {
    const int j = first + thread;
    if (j < p.cols) y[j] = from_float<T>(weight(to_float(x[j]), base) * norm);
  }
}

void softmax_04(const SoftmaxParams& p, void* on_stream) {
  const auto stream = static_cast<cudaStream_t>(on_stream);
  for_type<kScalarSoftmax>(p.type, [&]<class T>() {
    constexpr Geometry kGeometry = kSoftmaxOnline;
    const int blocks = (p.rows + kGeometry.br - 1) / kGeometry.br;
    softmax_online_kernel<T><<<blocks, kGeometry.threads, 0, stream>>>(p);
    ATTNLAB_CUDA_LAUNCHED("softmax_online_kernel");
  });
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
