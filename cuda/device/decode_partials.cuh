// The end of a row: O and lse from the results of its splits.
#pragma once

#include "cuda/device/decode_rows.cuh"
#include "cuda/device/launch.cuh"
#include "cuda/device/softmax.cuh"
#include "cuda/device/warp.cuh"
#include "cuda/host/split.h"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

inline constexpr float kLog2e = 1.4426950408889634f, kLn2 = 0.6931471805599453f;

// Of O and lse, a row's place.
template <class T>
__device__ T* o_row(const AttentionParams& p, const Head& head, int i) {
  return head.queries<T>(p.o) + i * p.o.row_stride;
}
__device__ inline void store_lse(const AttentionParams& p, const Head& head, int i, float m, float l) {
  if (p.lse.data == nullptr) return;
  head.queries<float>(p.lse)[i * p.lse.row_stride] =
      l == 0.0f ? -INFINITY : (exponent_base(m) + log2f(l)) * kLn2;
}

inline constexpr int kCombineThreads = 128;

// A block for each row: its threads share the splits, then the columns.
template <class T>
__global__ void __launch_bounds__(kCombineThreads) combine_kernel(const AttentionParams p, const Span span) {
  __shared__ float weights[2 * kMostSplits];  // a cascade has two parts
  const Head head = head_of(p, static_cast<int>(blockIdx.z), static_cast<int>(blockIdx.y));
  const int i = static_cast<int>(blockIdx.x), splits = span.all_splits;
  const int dim = p.head_dim_v != 0 ? p.head_dim_v : p.head_dim;
  if (i >= head.rows_q) return;
  const PackedRow row{true, head, i, {}};
  const float2* ml = span.partials.ml + row.index(p) * splits;
  const float* o = span.partials.o + row.index(p) * splits * dim;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  float m = -INFINITY, l = 0.0f;
  for (int s = lane; s < splits; s += 32) m = fmaxf(m, ml[s].x);
#pragma unroll
  for (int distance = 1; distance < 32; distance *= 2) m = fmaxf(m, __shfl_xor_sync(kAllLanes, m, distance));
  const float base = exponent_base(m);
  for (int s = lane; s < splits; s += 32) {
    const float weight = ml[s].y == 0.0f ? 0.0f : exp2f(ml[s].x - base);
    if (threadIdx.x < 32) weights[s] = weight;
    l += ml[s].y * weight;
  }
#pragma unroll
  for (int distance = 1; distance < 32; distance *= 2) l += __shfl_xor_sync(kAllLanes, l, distance);
  __syncthreads();
  const float norm = reciprocal_or_zero(l);
  for (int c = static_cast<int>(threadIdx.x); c < dim; c += kCombineThreads) {
    float sum = 0.0f;
#pragma unroll 8
    for (int s = 0; s < splits; ++s) {
      const float x = o[s * dim + c];
      if (weights[s] != 0.0f) sum = fmaf(weights[s], x, sum);
    }
    o_row<T>(p, head, i)[c] = from_float<T>(sum * norm);
  }
  if (threadIdx.x == 0) store_lse(p, head, i, m, l);
}

inline Partials partials_of(const AttentionParams& p, int splits) {
  auto* ml = reinterpret_cast<float2*>(p.workspace);
  return {ml, reinterpret_cast<float*>(ml + rows_of_queries(p) * static_cast<std::size_t>(splits))};
}

template <class T>
void launch_combine(const AttentionParams& p, const Span& span, cudaStream_t stream) {
  const dim3 grid(static_cast<unsigned>(p.seqlen_q), static_cast<unsigned>(p.heads_q),
                  static_cast<unsigned>(p.batch));
  combine_kernel<T><<<grid, kCombineThreads, 0, stream>>>(p, span);
  ATTNLAB_CUDA_LAUNCHED("combine_kernel");
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
