// 01, naive: the formula, three kernels, one thread per output.
//
// Paper:    Dao et al., "FlashAttention" (2022), Algorithm 0: S = Q K^T, P = softmax(S), O = P V, each
//           through HBM.
// Idea:     none yet. Every thread computes one number (in the softmax, one row) and asks global memory for
//           all that it needs.
// Traffic:  S written once and read three times, P written and read once, 4 bytes each: O(N^2). Q, K and V
//           are asked for once per output: the caches are all that stands between 2 N^2 d loads and DRAM.
// Limits:   lanes of a warp read K a row apart in the scores, and S a row apart in the softmax: 32 sectors
//           per request, most of each sector unused. Nothing is reused by hand (rung 02 does).
#include "cuda/device/elements.cuh"
#include "cuda/device/launch.cuh"
#include "cuda/device/philox.cuh"
#include "cuda/device/score.cuh"
#include "cuda/device/softmax.cuh"
#include "cuda/forward/01_naive.h"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

// S and P, one after the other in the same place: [batch][head][seqlen_q][seqlen_kv].
__device__ inline float* naive_scores(const AttentionParams& p, const Head& head, int i) {
  return p.workspace + (static_cast<std::int64_t>(head.batch_head) * p.seqlen_q + i) * p.seqlen_kv;
}

// S: thread (i, j).
template <class T>
__global__ void naive_scores_kernel(const AttentionParams p) {
  const Head head =
      head_of(p, static_cast<int>(blockIdx.z) / p.heads_q, static_cast<int>(blockIdx.z) % p.heads_q);
  const int j = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  const int i = static_cast<int>(blockIdx.y * blockDim.y + threadIdx.y);
  if (i >= head.rows_q || j >= head.band.len_kv) return;
  float s = kNegInf;
  if (head.band.visible(i, j)) {
    const T* q = head.queries<const T>(p.q) + i * p.q.row_stride;
    const T* k = head.keys<const T>(p.k) + j * p.k.row_stride;
    float dot = 0.0f;
    for (int t = 0; t < p.head_dim; ++t) dot = fmaf(to_float(q[t]), to_float(k[t]), dot);
    s = logit(p, head, i, j, dot);
  }
  naive_scores(p, head, i)[j] = s;
}

// P in place of S, and lse: thread i.
__global__ void naive_softmax_kernel(const AttentionParams p) {
  const Head head = head_of(p, static_cast<int>(blockIdx.z), static_cast<int>(blockIdx.y));
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= head.rows_q) return;
  float* s = naive_scores(p, head, i);
  float m = kNegInf, l = 0.0f;
  for (int j = 0; j < head.band.len_kv; ++j) m = fmaxf(m, s[j]);
  const float base = exponent_base(m);
  for (int j = 0; j < head.band.len_kv; ++j) l += weight(s[j], base);
  const float norm = reciprocal_or_zero(l);
  unsigned kept = 0;
  // One by one, as it is written: nvcc would load four numbers and then store four, and an H200's L1 loses
  // lines that are stored to again before a store is through.
#pragma unroll 1
  for (int j = 0; j < head.band.len_kv; ++j) {
    float w = weight(s[j], base) * norm;
    if (p.dropout.on) {
      if (j % 4 == 0) kept = kept_bits(p.dropout, head.batch_head, i, j / 4);
      w *= (kept >> (j % 4) & 1u) != 0 ? p.dropout.scale : 0.0f;
    }
    s[j] = w;
  }
  if (p.lse.data != nullptr) {
    head.queries<float>(p.lse)[i * p.lse.row_stride] = log_sum_exp(m, l);
  }
}

// O: thread (i, c). A warp works on one row, so its lanes see the same keys.
template <class T>
__global__ void naive_output_kernel(const AttentionParams p) {
  const Head head =
      head_of(p, static_cast<int>(blockIdx.z) / p.heads_q, static_cast<int>(blockIdx.z) % p.heads_q);
  const int c = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  const int i = static_cast<int>(blockIdx.y * blockDim.y + threadIdx.y);
  if (i >= head.rows_q || c >= p.head_dim) return;
  const float* weights = naive_scores(p, head, i);
  const T* v = head.keys<const T>(p.v) + c;
  float o = 0.0f;
  const int end = head.band.end(i);
  for (int j = head.band.begin(i); j < end; ++j) o = fmaf(weights[j], to_float(v[j * p.v.row_stride]), o);
  head.queries<T>(p.o)[i * p.o.row_stride + c] = from_float<T>(o);
}

void naive_01(const AttentionParams& p, void* on_stream) {
  const auto stream = static_cast<cudaStream_t>(on_stream);
  for_type<kScalarAttention>(p.type, [&]<class T>() {
    const dim3 block(32, 4);
    const auto blocks = [](int count, unsigned size) {
      return (static_cast<unsigned>(count) + size - 1) / size;
    };
    const unsigned heads = static_cast<unsigned>(p.batch) * static_cast<unsigned>(p.heads_q);
    if (p.seqlen_kv > 0) {
      naive_scores_kernel<T>
          <<<dim3(blocks(p.seqlen_kv, 32), blocks(p.seqlen_q, 4), heads), block, 0, stream>>>(p);
      ATTNLAB_CUDA_LAUNCHED("naive_scores_kernel");
    }
    naive_softmax_kernel<<<dim3(blocks(p.seqlen_q, 128), static_cast<unsigned>(p.heads_q),
                                static_cast<unsigned>(p.batch)),
                           128, 0, stream>>>(p);
    ATTNLAB_CUDA_LAUNCHED("naive_softmax_kernel");
    naive_output_kernel<T>
        <<<dim3(blocks(p.head_dim, 32), blocks(p.seqlen_q, 4), heads), block, 0, stream>>>(p);
    ATTNLAB_CUDA_LAUNCHED("naive_output_kernel");
  });
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
