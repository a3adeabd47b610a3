// What surrounds the tiles of a backward pass: where delta and the sums of dQ lie, and steps that give each
// row a warp.
#pragma once

#include "cuda/device/backward_geometry.h"
#include "cuda/device/head.cuh"
#include "cuda/device/launch.cuh"
#include "cuda/device/warp.cuh"
#include "cuda/host/backward_params.h"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

struct BackwardWorkspace {
  Strided<float> delta;   // rowsum(dO o O), shaped as lse
  Strided<float> dq_sum;  // dQ in fp32, shaped as dQ: dQ itself where that is fp32
};

inline BackwardWorkspace backward_workspace(const BackwardParams& p) {
  const AttentionParams& f = p.forward;
  const std::int64_t head = f.rows_q, batch = f.heads_q * head;
  BackwardWorkspace w;
  w.delta = {f.workspace, batch, head, 1};
  if (f.type == DType::f32) {
    w.dq_sum = {static_cast<float*>(p.dq.data), p.dq.batch_stride, p.dq.head_stride, p.dq.row_stride};
  } else {
    w.dq_sum = {f.workspace + delta_bytes(f) / sizeof(float), batch * f.head_dim, head * f.head_dim,
                f.head_dim};
  }
  return w;
}

inline constexpr int kRowWarps = 4;  // rows per block

inline dim3 row_grid(const AttentionParams& p) {
  return dim3(static_cast<unsigned>((p.seqlen_q + kRowWarps - 1) / kRowWarps),
              static_cast<unsigned>(p.heads_q), static_cast<unsigned>(p.batch));
}

// body(c) for the columns of a row that are this lane's. The trip count is every lane's.
template <int D, class Body>
__device__ inline void for_columns(Body body) {
#pragma unroll
  for (int n = 0; n < (D + 31) / 32; ++n) {
    const int c = 32 * n + static_cast<int>(threadIdx.x) % 32;
    if (c < D) body(c);
  }
}

// rowsum(dO o O) of row i, in every lane.
template <class T, int D>
__device__ inline float row_delta(const BackwardParams& p, const Head& head, int i) {
  const T* o = head.queries<const T>(p.forward.o) + i * p.forward.o.row_stride;
  const T* dout = head.queries<const T>(p.dout) + i * p.dout.row_stride;
  float sum = 0;
  for_columns<D>([&](int c) { sum = fmaf(to_float(o[c]), to_float(dout[c]), sum); });
  return warp_sum(sum);
}

// dQ from its fp32 sums: only launched where dQ is narrower.
template <class T, int D>
__global__ void __launch_bounds__(32 * kRowWarps)
    round_dq_kernel(const BackwardParams p, const BackwardWorkspace w) {
  const Head head = head_of(p.forward, static_cast<int>(blockIdx.z), static_cast<int>(blockIdx.y));
  const int i = static_cast<int>(blockIdx.x) * kRowWarps + static_cast<int>(threadIdx.x) / 32;
  if (i >= head.rows_q) return;
  const float* sum = head.queries<const float>(w.dq_sum) + i * w.dq_sum.row_stride;
  T* dq = head.queries<T>(p.dq) + i * p.dq.row_stride;
  for_columns<D>([&](int c) { dq[c] = from_float<T>(sum[c]); });
}

template <class T, int D>
void round_dq(const BackwardParams& p, const BackwardWorkspace& w, cudaStream_t stream) {
  if (p.forward.type == DType::f32 || p.forward.seqlen_q == 0) return;
  round_dq_kernel<T, D><<<row_grid(p.forward), 32 * kRowWarps, 0, stream>>>(p, w);
  ATTNLAB_CUDA_LAUNCHED("round_dq_kernel");
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
