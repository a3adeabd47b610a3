// 04, FlashAttention-2: a block owns rows of Q and walks over K and V; a thread owns a row.
//
// Paper:    Dao, "FlashAttention-2" (2023), Algorithm 1, with the block skipping of section 3.1: tiles that
//           the mask hides from all rows of the block are neither loaded nor computed.
// Idea:     the loops of rung 03 change places. A row block's O, m and l live in registers from its first
//           key to its last, so O crosses the bus once and is divided once, at the end; and every row block
//           of every head is a block of its own, where rung 03 had one block per head.
// Traffic:  Q and O once, K and V once per row block: N / Br times.
// Limits:   each float4 of K or V from shared memory feeds only the 4 multiply-adds of one row (rung 05
//           uses it for 4 rows). A row's running sum is one long chain in one thread, and a thread's
//           registers bound head_dim.
#include "cuda/device/launch.cuh"
#include "cuda/device/row.cuh"
#include "cuda/device/tile.cuh"
#include "cuda/forward/04_flash2.h"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

// Keys that a row takes into its sum at once. Their products are unrolled: 16 would make twice the code.
inline constexpr int kKeys = 8;

template <class T, int D>
__global__ void __launch_bounds__(kThreadPerRow<D>.threads) flash2_kernel(const AttentionParams p) {
  constexpr int Br = kThreadPerRow<D>.br, Bc = kThreadPerRow<D>.bc, Threads = kThreadPerRow<D>.threads;
  constexpr int Stride = D + kRowPadding, Cols = D / kThreadsPerRow<D>;

  extern __shared__ float4 shared_memory[];
  float* q_tile = reinterpret_cast<float*>(shared_memory);  // [Br][Stride]; at the end O's
  float* k_tile = q_tile + Br * Stride;                     // [Bc][D]
  float* v_tile = k_tile + Bc * D;                          // [Bc][D]

  const Head head = head_of(p, static_cast<int>(blockIdx.z), static_cast<int>(blockIdx.y));
  const int row = static_cast<int>(blockIdx.x) * Br;
  if (row >= head.rows_q) return;  // a shorter sequence of the batch
  const int r = static_cast<int>(threadIdx.x) % Br, i = row + r;
  const int first_col = static_cast<int>(threadIdx.x) / Br * Cols;  // of O, this thread's

  load_tile<Br, D, Stride, Threads>(q_tile, head.queries<const T>(p.q), p.q.row_stride, row, head.band.len_q);
  const T* keys = head.keys<const T>(p.k);
  const T* values = head.keys<const T>(p.v);
  float* my_row = q_tile + r * Stride;

  float o[Cols];
#pragma unroll
  for (int t = 0; t < Cols; ++t) o[t] = 0.0f;
  float m = kNegInf, l = 0.0f;

  const int past = head.band.past_visible(row, Br);
  for (int col = head.band.first_visible(row) / Bc * Bc; col < past; col += Bc) {
    __syncthreads();  // the last tile is done with; the first time: nothing to wait for
    load_tile<Bc, D, D, Threads>(k_tile, keys, p.k.row_stride, col, head.band.len_kv);
    load_tile<Bc, D, D, Threads>(v_tile, values, p.v.row_stride, col, head.band.len_kv);
    __syncthreads();

#pragma unroll 1
    for (int first = 0; first < Bc; first += kKeys) {
      const int key = col + first;
      const Visible visible{head.band.begin(i) - key, head.band.end(i) - key};
      float s[kKeys];
      const float m_new = fmaxf(m, row_logits<D>(p, head, i, key, visible, my_row, k_tile + first * D, s));
      const float base = exponent_base(m_new), rescale = rescaling(m, base);
      m = m_new;
      l = l * rescale + row_weights(base, s);
#pragma unroll
      for (int t = 0; t < Cols; ++t) o[t] *= rescale;
      row_dropout(p, head, i, key, s);
      row_accumulate<D>(visible, s, v_tile + first * D + first_col, o);
    }
  }

  __syncthreads();  // Q is done with, its tile becomes O's
  const float norm = reciprocal_or_zero(l);
#pragma unroll
  for (int t = 0; t < Cols; t += 4) {
    *reinterpret_cast<float4*>(my_row + first_col + t) =
        make_float4(o[t] * norm, o[t + 1] * norm, o[t + 2] * norm, o[t + 3] * norm);
  }
  __syncthreads();
  store_tile<Br, D, Stride, Threads>(head.queries<T>(p.o), p.o.row_stride, row, head.rows_q, q_tile);
  if (p.lse.data != nullptr && first_col == 0 && i < head.rows_q) {
    head.queries<float>(p.lse)[i * p.lse.row_stride] = log_sum_exp(m, l);
  }
}

void flash2_04(const AttentionParams& p, void* on_stream) {
  const auto stream = static_cast<cudaStream_t>(on_stream);
  for_type_and_dim<kScalarAttention>(p.type, p.head_dim, [&]<class T, int D>() {
    constexpr Geometry kGeometry = kThreadPerRow<D>;
    ATTNLAB_CUDA_CHECK(cudaFuncSetAttribute(flash2_kernel<T, D>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                            static_cast<int>(kGeometry.shared_bytes)));
    const dim3 grid(static_cast<unsigned>((p.seqlen_q + kGeometry.br - 1) / kGeometry.br),
                    static_cast<unsigned>(p.heads_q), static_cast<unsigned>(p.batch));
    flash2_kernel<T, D><<<grid, kGeometry.threads, kGeometry.shared_bytes, stream>>>(p);
    ATTNLAB_CUDA_LAUNCHED("flash2_kernel");
  });
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
