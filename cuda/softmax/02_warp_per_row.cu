// 02, softmax with one warp per row.
//
// Paper:    Milakov & Gimelshein, "Online normalizer calculation for softmax" (2018), Algorithm 2, safe
//           softmax.
// Idea:     the 32 lanes take neighbouring elements, so a request of 32 fp32 elements is 4 sectors, all of
//           them used. The lanes' maxima and sums meet by shuffles.
// Traffic:  3 loads and 1 store per element, as rung 01, in an eighth of its sectors.
// Limits:   a long row keeps one warp busy while others have nothing to do (rung 03), and still three
//           passes.
#include "cuda/device/launch.cuh"
#include "cuda/device/warp.cuh"
#include "cuda/softmax/02_warp_per_row.h"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

template <class T>
__global__ void __launch_bounds__(kSoftmaxWarpPerRow.threads) softmax_warp_kernel(const SoftmaxParams p) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const std::int64_t row = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x) / 32;
  if (row >= p.rows) return;  // the whole warp
  const T* x = static_cast<const T*>(p.x) + row * p.x_row_stride;
  T* y = static_cast<T*>(p.y) + row * p.y_row_stride;

  // Every lane runs every loop equally often and looks whether its element exists.
  float m = -INFINITY, l = 0.0f;
  for (int first = 0; first < p.cols; first += 32) {
    if (first + lane < p.cols) m = fmaxf(m, to_float(x[first + lane]));
  }
  m = warp_max(m);
  const float base = exponent_base(m);
  for (int first = 0; first < p.cols; first += 32) {
    if (first + lane < p.cols) l += weight(to_float(x[first + lane]), base);
  }
  l = warp_sum(l);
  const float norm = reciprocal_or_zero(l);
  for (int first = 0; first < p.cols; first += 32) {
    const int j = first + lane;
    if (j < p.cols) y[j] = from_float<T>(weight(to_float(x[j]), base) * norm);
  }
}

void softmax_02(const SoftmaxParams& p, void* on_stream) {
  const auto stream = static_cast<cudaStream_t>(on_stream);
  for_type<kScalarSoftmax>(p.type, [&]<class T>() {
    constexpr Geometry kGeometry = kSoftmaxWarpPerRow;
    const int blocks = (p.rows + kGeometry.br - 1) / kGeometry.br;
    softmax_warp_kernel<T><<<blocks, kGeometry.threads, 0, stream>>>(p);
    ATTNLAB_CUDA_LAUNCHED("softmax_warp_kernel");
  });
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
