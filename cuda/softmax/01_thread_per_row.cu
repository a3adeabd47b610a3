// 01, softmax with one thread per row.
//
// Paper:    Milakov & Gimelshein, "Online normalizer calculation for softmax" (2018), Algorithm 2, safe
//           softmax.
// Idea:     each thread does to its own row what the formula says: a pass for the maximum, one for the sum,
//           one for the result.
// Traffic:  3 loads and 1 store per element.
// Limits:   neighbouring lanes read a whole row apart, so a request touches 32 sectors for 32 elements, and
//           L1 must keep them until their neighbours are asked for. With few rows, few threads. (Rung 02
//           does both better.)
#include "cuda/device/launch.cuh"
#include "cuda/device/softmax.cuh"
#include "cuda/softmax/01_thread_per_row.h"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

template <class T>
__global__ void __launch_bounds__(kSoftmaxThreadPerRow.threads) softmax_thread_kernel(const SoftmaxParams p) {
  const std::int64_t row = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (row >= p.rows) return;
  const T* x = static_cast<const T*>(p.x) + row * p.x_row_stride;
  T* y = static_cast<T*>(p.y) + row * p.y_row_stride;

  float m = -INFINITY, l = 0.0f;
  for (int j = 0; j < p.cols; ++j) m = fmaxf(m, to_float(x[j]));
  const float base = exponent_base(m);
  for (int j = 0; j < p.cols; ++j) l += weight(to_float(x[j]), base);
  const float norm = reciprocal_or_zero(l);
  for (int j = 0; j < p.cols; ++j) y[j] = from_float<T>(weight(to_float(x[j]), base) * norm);
}

void softmax_01(const SoftmaxParams& p, void* on_stream) {
  const auto stream = static_cast<cudaStream_t>(on_stream);
  for_type<kScalarSoftmax>(p.type, [&]<class T>() {
    constexpr Geometry kGeometry = kSoftmaxThreadPerRow;
    const int blocks = (p.rows + kGeometry.br - 1) / kGeometry.br;
    softmax_thread_kernel<T><<<blocks, kGeometry.threads, 0, stream>>>(p);
    ATTNLAB_CUDA_LAUNCHED("softmax_thread_kernel");
  });
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
