// From q . k to the logit: scale, softcap, ALiBi, in this order (docs/semantics.md).
#pragma once

#include <cmath>

#include "cuda/device/head.cuh"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

inline constexpr float kNegInf = -INFINITY;

// softcap tanh(x / softcap), or x where there is no softcap. The reciprocal is the same for all scores: one
// division a thread.
__device__ inline float softcapped(const AttentionParams& p, float x) {
  return p.softcap == 0.0f ? x : p.softcap * tanhf(x * (1.0f / p.softcap));
}

// What ALiBi takes off the logit of (i, j).
__device__ inline float alibi(const Head& head, int i, int j) {
  const int distance = i + head.band.offset() - j;
  return head.alibi_slope * static_cast<float>(distance < 0 ? -distance : distance);
}

// The logit of a visible pair.
__device__ inline float logit(const AttentionParams& p, const Head& head, int i, int j, float q_dot_k) {
  const float x = softcapped(p, q_dot_k * p.scale);
  return head.alibi_slope == 0.0f ? x : x - alibi(head, i, j);
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
