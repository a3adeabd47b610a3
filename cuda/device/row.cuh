// One thread per row: what one thread does with its row of Q and a tile of K and V in shared memory. All lanes of
// a warp read the same key at a time, which costs one broadcast.
#pragma once

#include "cuda/device/philox.cuh"
#include "cuda/device/score.cuh"
#include "cuda/device/softmax.cuh"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

// The keys [first, past) of a tile are visible to a row; counted from the tile's first.
struct Visible {
  int first, past;
  __device__ bool operator()(int j) const { return j >= first && j < past; }
};

// s[j] = logit of key col + j, -inf where hidden; returns the largest.
template <int D, int Bc>
__device__ __forceinline__ float row_logits(const AttentionParams& p, const Head& head, int i, int col,
                                            Visible visible, const float* q_row, const float* k_tile,
                                            float (&s)[Bc]) {
#pragma unroll
  for (int j = 0; j < Bc; ++j) s[j] = 0.0f;
#pragma unroll 2
  for (int t = 0; t < D; t += 4) {
    const float4 q = *reinterpret_cast<const float4*>(q_row + t);
#pragma unroll
    for (int j = 0; j < Bc; ++j) {
      const float4 k = *reinterpret_cast<const float4*>(k_tile + j * D + t);
      s[j] = fmaf(q.x, k.x, fmaf(q.y, k.y, fmaf(q.z, k.z, fmaf(q.w, k.w, s[j]))));
    }
  }
  float m = kNegInf;
#pragma unroll
  for (int j = 0; j < Bc; ++j) {
    s[j] = visible(j) ? logit(p, head, i, col + j, s[j]) : kNegInf;
    m = fmaxf(m, s[j]);
  }
  return m;
}

// s[j] becomes exp(s[j] - base); returns their sum.
template <int Bc>
__device__ __forceinline__ float row_weights(float base, float (&s)[Bc]) {
  float l = 0.0f;
#pragma unroll
  for (int j = 0; j < Bc; ++j) {
    s[j] = weight(s[j], base);
    l += s[j];
  }
  return l;
}

// Dropped weights become 0, kept ones grow. col is a multiple of 4.
template <int Bc>
__device__ __forceinline__ void row_dropout(const AttentionParams& p, const Head& head, int i, int col,
                                            float (&s)[Bc]) {
  if (!p.dropout.on) return;
#pragma unroll
  for (int j = 0; j < Bc; j += 4) {
    const unsigned kept = kept_bits(p.dropout, head.batch_head, i, (col + j) / 4);
#pragma unroll
    for (int n = 0; n < 4; ++n) s[j + n] *= (kept >> n & 1u) != 0 ? p.dropout.scale : 0.0f;
  }
}

// o += sum over visible j of s[j] v_j, for Cols columns of V. Hidden keys are left out, not multiplied by 0:
// they may hold NaN.
template <int D, int Cols, int Bc>
__device__ __forceinline__ void row_accumulate(Visible visible, const float (&s)[Bc], const float* v_tile,
                                               float (&o)[Cols]) {
#pragma unroll
  for (int j = 0; j < Bc; ++j) {
    if (!visible(j)) continue;
#pragma unroll
    for (int t = 0; t < Cols; t += 4) {
      const float4 v = *reinterpret_cast<const float4*>(v_tile + j * D + t);
      o[t] = fmaf(s[j], v.x, o[t]);
      o[t + 1] = fmaf(s[j], v.y, o[t + 1]);
      o[t + 2] = fmaf(s[j], v.z, o[t + 2]);
      o[t + 3] = fmaf(s[j], v.w, o[t + 3]);
    }
  }
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
