// 03, FlashAttention: tiles of scores that never leave the SM; a block owns a head.
//
// Paper:    Dao et al., "FlashAttention" (2022), Algorithm 1, lines 5 to 15: K and V outside, Q and O
//           inside. As in the kernel measured there, and in `flash1` of the reference, O, l and m start on
//           the SM at the first outer step; they are not written as zeros and read back (line 2).
// Idea:     a tile's softmax needs only what its row has seen so far: m, the largest logit, and l, the sum
//           of exponentials. With them, S and P of rung 02 need no place in HBM, and memory is O(N).
// Traffic:  K and V once; Q, O, l and m at every outer step: N / Bc times. O stays normalised (line 12), so
//           what HBM holds after a step is attention over the keys so far.
// Limits:   O crosses the bus 2 N / Bc - 1 times, every tile is visited even where the mask hides all of
//           it, and only batch * heads blocks run (rung 04 turns the loops around and solves all three).
//           With inputs of 16 bits, O between two steps is fp32 in a workspace: rounding it N / Bc times
//           would show.
#include "cuda/device/launch.cuh"
#include "cuda/device/row.cuh"
#include "cuda/device/tile.cuh"
#include "cuda/forward/03_flash1.h"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

// What one outer step leaves to the next, in HBM: [tensor batch][head][row]. o is O itself for fp32.
struct Flash1State {
  Strided<float> o, l, m;
};

template <class T, int D>
__global__ void __launch_bounds__(kThreadPerRow<D>.threads)
    flash1_kernel(const AttentionParams p, const Flash1State state) {
  constexpr int Br = kThreadPerRow<D>.br, Bc = kThreadPerRow<D>.bc, Threads = kThreadPerRow<D>.threads;
  constexpr int Stride = D + kRowPadding, Cols = D / kThreadsPerRow<D>;

  extern __shared__ float4 shared_memory[];
  float* q_tile = reinterpret_cast<float*>(shared_memory);  // [Br][Stride]; then O's
  float* k_tile = q_tile + Br * Stride;                     // [Bc][D]
  float* v_tile = k_tile + Bc * D;                          // [Bc][D]

  const Head head = head_of(p, static_cast<int>(blockIdx.y), static_cast<int>(blockIdx.x));
  const int r = static_cast<int>(threadIdx.x) % Br;
  const int first_col = static_cast<int>(threadIdx.x) / Br * Cols;  // of O, this thread's
  float* my_row = q_tile + r * Stride;

  const T* queries = head.queries<const T>(p.q);
  T* o_out = head.queries<T>(p.o);
  float* o_state = head.queries<float>(state.o);
  float* l_state = head.queries<float>(state.l);
  float* m_state = head.queries<float>(state.m);

  const int key_tiles = (head.band.len_kv + Bc - 1) / Bc, steps = key_tiles > 0 ? key_tiles : 1;
  for (int step = 0; step < steps; ++step) {
    const int col = step * Bc;
    const bool first = step == 0, last = step == steps - 1;
    __syncthreads();
    load_tile<Bc, D, D, Threads>(k_tile, head.keys<const T>(p.k), p.k.row_stride, col, head.band.len_kv);
    load_tile<Bc, D, D, Threads>(v_tile, head.keys<const T>(p.v), p.v.row_stride, col, head.band.len_kv);

    for (int row = 0; row < head.rows_q; row += Br) {
      const int i = row + r;
      __syncthreads();  // K, V and the last row block's O are done with
      load_tile<Br, D, Stride, Threads>(q_tile, queries, p.q.row_stride, row, head.band.len_q);
      __syncthreads();

      // Line 10: this tile alone.
      const Visible visible{head.band.begin(i) - col, head.band.end(i) - col};
      float s[Bc];
      const float m_tile = row_logits<D>(p, head, i, col, visible, my_row, k_tile, s);
      const float tile_base = exponent_base(m_tile), l_tile = row_weights(tile_base, s);
      row_dropout(p, head, i, col, s);

      // Line 11: with what came before.
      float m = kNegInf, l = 0.0f;
      if (!first && i < head.rows_q) {
        m = m_state[i * state.m.row_stride];
        l = l_state[i * state.l.row_stride];
      }
      const float m_new = fmaxf(m, m_tile), base = exponent_base(m_new);
      const float old = rescaling(m, base) * l, fresh = rescaling(m_tile, base);
      const float l_new = old + fresh * l_tile, norm = reciprocal_or_zero(l_new);

      // Line 12: O <- diag(l_new)^-1 (diag(old) O + fresh P~ V).
      float o[Cols];
      if (first) {
#pragma unroll
        for (int t = 0; t < Cols; ++t) o[t] = 0.0f;
      } else {
        __syncthreads();  // Q is done with, its tile becomes O's
        load_tile<Br, D, Stride, Threads>(q_tile, o_state, state.o.row_stride, row, head.rows_q);
        __syncthreads();
#pragma unroll
        for (int t = 0; t < Cols; t += 4) {
          const float4 before = *reinterpret_cast<const float4*>(my_row + first_col + t);
          o[t] = before.x * (old * norm);
          o[t + 1] = before.y * (old * norm);
          o[t + 2] = before.z * (old * norm);
          o[t + 3] = before.w * (old * norm);
        }
      }
#pragma unroll
      for (int j = 0; j < Bc; ++j) s[j] *= fresh * norm;
      row_accumulate<D>(visible, s, v_tile + first_col, o);

      // Lines 12 and 13: back to HBM.
      __syncthreads();
#pragma unroll
      for (int t = 0; t < Cols; t += 4) {
        *reinterpret_cast<float4*>(my_row + first_col + t) = make_float4(o[t], o[t + 1], o[t + 2], o[t + 3]);
      }
      __syncthreads();
      if (last && sizeof(T) < sizeof(float)) {  // fp32's state is O itself
        store_tile<Br, D, Stride, Threads>(o_out, p.o.row_stride, row, head.rows_q, q_tile);
      } else {
        store_tile<Br, D, Stride, Threads>(o_state, state.o.row_stride, row, head.rows_q, q_tile);
      }
      if (first_col == 0 && i < head.rows_q) {
        l_state[i * state.l.row_stride] = l_new;
        m_state[i * state.m.row_stride] = m_new;
        if (last && p.lse.data != nullptr) {
          head.queries<float>(p.lse)[i * p.lse.row_stride] = log_sum_exp(m_new, l_new);
        }
      }
    }
  }
}

void flash1_03(const AttentionParams& p, void* on_stream) {
  const auto stream = static_cast<cudaStream_t>(on_stream);
  for_type_and_dim<kScalarAttention>(p.type, p.head_dim, [&]<class T, int D>() {
    constexpr Geometry kGeometry = kThreadPerRow<D>;
    const std::int64_t batches = p.cu_seqlens_q != nullptr ? 1 : p.batch;
    const std::int64_t rows = p.rows_q, all_rows = batches * p.heads_q * rows;
    Flash1State state;
    state.l = {p.workspace, p.heads_q * rows, rows, 1};
    state.m = {p.workspace + all_rows, p.heads_q * rows, rows, 1};
    if (p.type == DType::f32) {
      state.o = {static_cast<float*>(p.o.data), p.o.batch_stride, p.o.head_stride, p.o.row_stride};
    } else {
      state.o = {p.workspace + 2 * all_rows, p.heads_q * rows * D, rows * D, D};
    }
    ATTNLAB_CUDA_CHECK(cudaFuncSetAttribute(flash1_kernel<T, D>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                            static_cast<int>(kGeometry.shared_bytes)));
    const dim3 grid(static_cast<unsigned>(p.heads_q), static_cast<unsigned>(p.batch));
    flash1_kernel<T, D><<<grid, kGeometry.threads, kGeometry.shared_bytes, stream>>>(p, state);
    ATTNLAB_CUDA_LAUNCHED("flash1_kernel");
  });
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
