// 01, FlashAttention-1 backward: a block owns a KV head and walks over K and V outside, Q and dO inside.
//
// Paper:    Dao et al., "FlashAttention" (2022), Algorithm 4, started in SRAM at the first outer step, as the
//           kernel that its Figure 2 measured (reference/attention/flash1.h says where text and kernel
//           differ). P is recomputed from lse, one number per row where the text keeps m and l.
// Idea:     S, P, dP and dS never leave shared memory. dK and dV of a block of keys stay in registers while
//           all queries pass; dQ, which every block of keys adds to, goes through HBM once per outer step.
// Traffic:  K, V, dK, dV once; O once; Q, dO and lse N / Bc times (dO once more, for delta); dQ in fp32,
//           written N / Bc times and read N / Bc - 1 times. A group's query heads follow one another on the
//           same K and V; dK and dV are their sum, in this order: the same bits run after run.
// Limits:   one block per KV head leaves most of the GPU idle (rung 02: one per block of keys). dQ's way
//           through HBM. A causal mask saves nothing: the paper's loops visit every tile.
#include "cuda/backward/01_flash1.h"
#include "cuda/device/backward_rows.cuh"
#include "cuda/device/backward_tile.cuh"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

// delta of the tile's rows, one warp per row, into the tile and into HBM for the later outer steps.
template <class T, int D>
__device__ inline void first_delta(const BackwardParams& p, const BackwardWorkspace& w, const Head& head,
                                   int row, const BackwardTile<D>& tile) {
  constexpr int kWarps = BackwardTile<D>::kThreads / 32;
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  for (int r = warp; r < BackwardTile<D>::kTile; r += kWarps) {
    float delta = 0;
    if (row + r < head.band.len_q) {
      delta = row_delta<T, D>(p, head, row + r);
      if (lane == 0) head.queries<float>(w.delta)[(row + r) * w.delta.row_stride] = delta;
    }
    if (lane == 0) tile.delta[r] = delta;
  }
}

// dQ of the tile's rows: what is there, from the second outer step on, plus this step's part. The same thread
// reads and writes a number every time.
template <int D>
__device__ inline void add_to_dq(const BackwardWorkspace& w, const Head& head, int row, bool first,
                                 float scale, const Gradient<D>& dq) {
  float* sums = head.queries<float>(w.dq_sum);
  dq.for_each([&](int r, int c, float x) {
    if (row + r < head.rows_q) {
      float* sum = sums + (row + r) * w.dq_sum.row_stride + c;
      *sum = first ? scale * x : fmaf(scale, x, *sum);
    }
  });
}

template <class T, int D>
__global__ void __launch_bounds__(kBackward<D>.threads, 2)
    flash1_backward_kernel(const BackwardParams p, const BackwardWorkspace w) {
  using Tile = BackwardTile<D>;
  extern __shared__ float4 shared_memory[];
  const Tile tile(reinterpret_cast<float*>(shared_memory));
  const int batch = static_cast<int>(blockIdx.y), kv_head = static_cast<int>(blockIdx.x);
  const int group = p.forward.heads_q / p.forward.heads_kv;
  const Head first_head = head_of(p.forward, batch, kv_head * group);
  const float scale = p.forward.scale;

  // A sequence without keys has an outer step too: its dQ is 0.
  for (int col = 0; col < first_head.rows_kv || col == 0; col += Tile::kTile) {
    __syncthreads();  // the last tile is done with
    tile.template load_keys<T>(tile.k, first_head, p.forward.k, col);
    tile.template load_keys<T>(tile.v, first_head, p.forward.v, col);
    Gradient<D> dk, dv;
    dk.clear();
    dv.clear();
    for (int h = 0; h < group; ++h) {
      const Head head = head_of(p.forward, batch, kv_head * group + h);
      for (int row = 0; row < head.rows_q; row += Tile::kTile) {
        __syncthreads();
        tile.template load_queries<T>(tile.q, head, p.forward.q, row);
        tile.template load_queries<T>(tile.dout, head, p.dout, row);
        tile.load_numbers(tile.lse, head, p.forward.lse, row);
        if (col == 0) {
          first_delta<T, D>(p, w, head, row, tile);
        } else {
          tile.load_numbers(tile.delta, head, w.delta, row);
        }
        __syncthreads();
        score_gradients<D>(p.forward, head, row, col, tile);
        __syncthreads();
        const bool whole = head.band.all_visible(row, Tile::kTile, col, Tile::kTile);
        dv.add_over_queries(tile.p, tile.dout, whole);
        dk.add_over_queries(tile.ds, tile.q, whole);
        Gradient<D> dq;
        dq.clear();
        dq.add_over_keys(tile.ds, tile.k, whole);
        add_to_dq<D>(w, head, row, col == 0, scale, dq);
      }
    }
    dk.store(first_head.keys<T>(p.dk), p.dk.row_stride, col, first_head.rows_kv, scale);
    dv.store(first_head.keys<T>(p.dv), p.dv.row_stride, col, first_head.rows_kv, 1.0f);
  }
}

void flash1_backward_01(const BackwardParams& p, void* on_stream) {
  const auto stream = static_cast<cudaStream_t>(on_stream);
  for_type_and_dim<kScalarAttention>(p.forward.type, p.forward.head_dim, [&]<class T, int D>() {
    constexpr Geometry kGeometry = kBackward<D>;
    const BackwardWorkspace w = backward_workspace(p);
    ATTNLAB_CUDA_CHECK(cudaFuncSetAttribute(flash1_backward_kernel<T, D>,
                                            cudaFuncAttributeMaxDynamicSharedMemorySize,
                                            static_cast<int>(kGeometry.shared_bytes)));
    const dim3 grid(static_cast<unsigned>(p.forward.heads_kv), static_cast<unsigned>(p.forward.batch));
    flash1_backward_kernel<T, D><<<grid, kGeometry.threads, kGeometry.shared_bytes, stream>>>(p, w);
    ATTNLAB_CUDA_LAUNCHED("flash1_backward_kernel");
    round_dq<T, D>(p, w, stream);
  });
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
