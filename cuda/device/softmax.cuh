// The numbers of a running softmax: m, the largest logit so far, and l, the sum of exp(s - m).
//
// -inf stands for "none yet" and for hidden logits; NaN must come through although fmaxf drops it. Both work
// because the exponent's base is 0 while m is -inf: exp(-inf - 0) = 0 and exp(NaN - 0) = NaN. A row has seen
// no key of positive weight exactly when its l is 0.
#pragma once

#include <cuda_runtime.h>

#include <cfloat>
#include <cmath>

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

// What exponents are taken relative to.
__device__ inline float exponent_base(float m) { return m == -INFINITY ? 0.0f : m; }

// exp(s - base); a weight below the smallest normal number is 0.
__device__ inline float weight(float s, float base) {
  const float w = expf(s - base);
  return w < FLT_MIN ? 0.0f : w;
}

// exp(m_old - base): what brings sums relative to m_old to the new base.
__device__ inline float rescaling(float m_old, float base) { return expf(m_old - base); }

// 1 / l, or 0 for a row that saw nothing.
__device__ inline float reciprocal_or_zero(float l) { return l == 0.0f ? 0.0f : 1.0f / l; }

// log(sum of exp(s)); -inf for a row that saw nothing.
__device__ inline float log_sum_exp(float m, float l) {
  return l == 0.0f ? -INFINITY : exponent_base(m) + logf(l);
}

// (m, l) of the union of two sets of logits.
struct RunningSum {
  float m, l;
};
__device__ inline RunningSum merge(RunningSum a, RunningSum b) {
  const float m = fmaxf(a.m, b.m), base = exponent_base(m);
  return {m, a.l * rescaling(a.m, base) + b.l * rescaling(b.m, base)};
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
