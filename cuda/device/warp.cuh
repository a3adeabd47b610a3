// Reductions over the lanes of a warp, or over aligned groups of Width lanes: every lane of a group gets the
// result. All 32 lanes must call. The partners' order is fixed, so the result is the same run after run.
#pragma once

#include "cuda/device/softmax.cuh"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

inline constexpr unsigned kAllLanes = 0xffffffffu;

template <int Width = 32>
__device__ inline float warp_sum(float x) {
#pragma unroll
  for (int distance = Width / 2; distance > 0; distance /= 2) x += __shfl_xor_sync(kAllLanes, x, distance);
  return x;
}

template <int Width = 32>
__device__ inline float warp_max(float x) {
#pragma unroll
  for (int distance = Width / 2; distance > 0; distance /= 2)
    x = fmaxf(x, __shfl_xor_sync(kAllLanes, x, distance));
  return x;
}

template <int Width = 32>
__device__ inline RunningSum warp_merge(RunningSum x) {
#pragma unroll
  for (int distance = Width / 2; distance > 0; distance /= 2) {
    x = merge(x, {__shfl_xor_sync(kAllLanes, x.m, distance), __shfl_xor_sync(kAllLanes, x.l, distance)});
  }
  return x;
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
