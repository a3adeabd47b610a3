// 02, FlashAttention-2 backward: a block owns keys, and walks over the queries that see them.
//
// Paper:    Dao, "FlashAttention-2" (2023), Algorithm 2; D = rowsum(dO o O) by a kernel of its own before it.
// Idea:     rung 01's outer loop becomes the grid: every block of keys of every KV head is a block, and tiles
//           that the mask hides are skipped. dK and dV stay in registers as there. dQ gets parts from many
//           blocks at once, in one of two ways:
//   flash2-backward                 atomicAdd into fp32 sums, rounded at the end. The order of the additions,
//                                   and with it the last bits of dQ, change from run to run; dK and dV do not
//   flash2-backward-deterministic   a second kernel whose blocks own queries and walk over keys, as the
//                                   forward pass does: S and dP twice, 7 matrix products per tile for 5, but no
//                                   atomics, no sums in HBM, and the same bits run after run
// Groups:   a block takes its KV head's query heads one after the other, so dK and dV of GQA are summed in
//           registers, in a fixed order, in both variants.
// Traffic:  K, V, dK, dV once; Q, dO, lse and delta once per block of keys; dQ by one reduction per number and
//           visited tile, or K and V once more per block of queries.
// Limits:   tiles of 32 rows reload Q and dO N / 32 times, and the matrix products are fp32 multiply-adds fed
//           from shared memory, not tensor cores. MQA leaves one block for all heads of a block of keys.
#include "cuda/backward/02_flash2.h"
#include "cuda/device/backward_rows.cuh"
#include "cuda/device/backward_tile.cuh"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

// delta, one warp per row. Where dQ will be summed by atomics, its sums begin here.
template <class T, int D, bool ClearDq>
__global__ void __launch_bounds__(32 * kRowWarps)
    delta_kernel(const BackwardParams p, const BackwardWorkspace w) {
  const Head head = head_of(p.forward, static_cast<int>(blockIdx.z), static_cast<int>(blockIdx.y));
  const int i = static_cast<int>(blockIdx.x) * kRowWarps + static_cast<int>(threadIdx.x) / 32;
  if (i >= head.rows_q) return;
  if (i < head.band.len_q) {
    const float delta = row_delta<T, D>(p, head, i);
    if (threadIdx.x % 32 == 0) head.queries<float>(w.delta)[i * w.delta.row_stride] = delta;
  }
  if constexpr (ClearDq) {
    float* sums = head.queries<float>(w.dq_sum) + i * w.dq_sum.row_stride;
    for_columns<D>([&](int c) { sums[c] = 0.0f; });
  }
}

template <class T, int D, bool AddDq>
__global__ void __launch_bounds__(kBackward<D>.threads, 2)
    flash2_backward_keys_kernel(const BackwardParams p, const BackwardWorkspace w) {
  using Tile = BackwardTile<D>;
  extern __shared__ float4 shared_memory[];
  const Tile tile(reinterpret_cast<float*>(shared_memory));
  const int batch = static_cast<int>(blockIdx.z), kv_head = static_cast<int>(blockIdx.y);
  const int col = static_cast<int>(blockIdx.x) * Tile::kTile;
  const int group = p.forward.heads_q / p.forward.heads_kv;
  const Head first_head = head_of(p.forward, batch, kv_head * group);
  if (col >= first_head.rows_kv) return;  // a shorter sequence of the batch

  tile.template load_keys<T>(tile.k, first_head, p.forward.k, col);
  tile.template load_keys<T>(tile.v, first_head, p.forward.v, col);
  Gradient<D> dk, dv;
  dk.clear();
  dv.clear();
  const int first_row = first_head.band.first_seeing(col) / Tile::kTile * Tile::kTile;
  const int past_row = first_head.band.past_seeing(col, Tile::kTile);
  for (int h = 0; h < group; ++h) {
    const Head head = head_of(p.forward, batch, kv_head * group + h);
    for (int row = first_row; row < past_row; row += Tile::kTile) {
      __syncthreads();  // the last tile is done with
      tile.template load_queries<T>(tile.q, head, p.forward.q, row);
      tile.template load_queries<T>(tile.dout, head, p.dout, row);
      tile.load_numbers(tile.lse, head, p.forward.lse, row);
      tile.load_numbers(tile.delta, head, w.delta, row);
      __syncthreads();
      score_gradients<D>(p.forward, head, row, col, tile);
      __syncthreads();
      const bool whole = head.band.all_visible(row, Tile::kTile, col, Tile::kTile);
      dv.add_over_queries(tile.p, tile.dout, whole);
      dk.add_over_queries(tile.ds, tile.q, whole);
      if constexpr (AddDq) {
        Gradient<D> dq;
        dq.clear();
        dq.add_over_keys(tile.ds, tile.k, whole);
        float* sums = head.queries<float>(w.dq_sum);
        dq.for_each([&](int r, int c, float x) {
          if (row + r < head.band.len_q) {
            atomicAdd(sums + (row + r) * w.dq_sum.row_stride + c, p.forward.scale * x);
          }
        });
      }
    }
  }
  dk.store(first_head.keys<T>(p.dk), p.dk.row_stride, col, first_head.rows_kv, p.forward.scale);
  dv.store(first_head.keys<T>(p.dv), p.dv.row_stride, col, first_head.rows_kv, 1.0f);
}

template <class T, int D>
__global__ void __launch_bounds__(kBackward<D>.threads, 2)
    flash2_backward_queries_kernel(const BackwardParams p, const BackwardWorkspace w) {
  using Tile = BackwardTile<D>;
  extern __shared__ float4 shared_memory[];
  const Tile tile(reinterpret_cast<float*>(shared_memory));
  const Head head = head_of(p.forward, static_cast<int>(blockIdx.z), static_cast<int>(blockIdx.y));
  const int row = static_cast<int>(blockIdx.x) * Tile::kTile;
  if (row >= head.rows_q) return;

  tile.template load_queries<T>(tile.q, head, p.forward.q, row);
  tile.template load_queries<T>(tile.dout, head, p.dout, row);
  tile.load_numbers(tile.lse, head, p.forward.lse, row);
  tile.load_numbers(tile.delta, head, w.delta, row);
  Gradient<D> dq;
  dq.clear();
  const int past_col = head.band.past_visible(row, Tile::kTile);
  for (int col = head.band.first_visible(row) / Tile::kTile * Tile::kTile; col < past_col;
       col += Tile::kTile) {
    __syncthreads();  // the last tile is done with
    tile.template load_keys<T>(tile.k, head, p.forward.k, col);
    tile.template load_keys<T>(tile.v, head, p.forward.v, col);
    __syncthreads();
    score_gradients<D>(p.forward, head, row, col, tile);
    __syncthreads();
    const bool whole = head.band.all_visible(row, Tile::kTile, col, Tile::kTile);
    dq.add_over_keys(tile.ds, tile.k, whole);
  }
  dq.store(head.queries<T>(p.dq), p.dq.row_stride, row, head.rows_q, p.forward.scale);
}

inline unsigned tiles(int length, const Geometry& geometry) {
  return static_cast<unsigned>((length + geometry.br - 1) / geometry.br);
}

template <class T, int D, bool Atomic>
struct Flash2BackwardSteps {
  static constexpr Geometry kGeometry = kBackward<D>;

  static void run(const BackwardParams& p, cudaStream_t stream) {
    const BackwardWorkspace w = backward_workspace(p);
    if (p.forward.seqlen_q > 0) {
      delta_kernel<T, D, Atomic><<<row_grid(p.forward), 32 * kRowWarps, 0, stream>>>(p, w);
      ATTNLAB_CUDA_LAUNCHED("delta_kernel");
    }
    if (p.forward.seqlen_kv > 0) keys(p, w, stream);
    if constexpr (Atomic) {
      round_dq<T, D>(p, w, stream);
    } else {
      if (p.forward.seqlen_q > 0) queries(p, w, stream);
    }
  }

  static void keys(const BackwardParams& p, const BackwardWorkspace& w, cudaStream_t stream) {
    ATTNLAB_CUDA_CHECK(cudaFuncSetAttribute(flash2_backward_keys_kernel<T, D, Atomic>,
                                            cudaFuncAttributeMaxDynamicSharedMemorySize,
                                            static_cast<int>(kGeometry.shared_bytes)));
    const dim3 grid(tiles(p.forward.seqlen_kv, kGeometry), static_cast<unsigned>(p.forward.heads_kv),
                    static_cast<unsigned>(p.forward.batch));
    flash2_backward_keys_kernel<T, D, Atomic>
        <<<grid, kGeometry.threads, kGeometry.shared_bytes, stream>>>(p, w);
    ATTNLAB_CUDA_LAUNCHED("flash2_backward_keys_kernel");
  }

  static void queries(const BackwardParams& p, const BackwardWorkspace& w, cudaStream_t stream) {
    ATTNLAB_CUDA_CHECK(cudaFuncSetAttribute(flash2_backward_queries_kernel<T, D>,
                                            cudaFuncAttributeMaxDynamicSharedMemorySize,
                                            static_cast<int>(kGeometry.shared_bytes)));
    const dim3 grid(tiles(p.forward.seqlen_q, kGeometry), static_cast<unsigned>(p.forward.heads_q),
                    static_cast<unsigned>(p.forward.batch));
    flash2_backward_queries_kernel<T, D><<<grid, kGeometry.threads, kGeometry.shared_bytes, stream>>>(p, w);
    ATTNLAB_CUDA_LAUNCHED("flash2_backward_queries_kernel");
  }
};

void flash2_backward_02(const BackwardParams& p, void* on_stream) {
  const auto stream = static_cast<cudaStream_t>(on_stream);
  for_type_and_dim<kScalarAttention>(p.forward.type, p.forward.head_dim, [&]<class T, int D>() {
    Flash2BackwardSteps<T, D, true>::run(p, stream);
  });
}

void flash2_backward_deterministic_02(const BackwardParams& p, void* on_stream) {
  const auto stream = static_cast<cudaStream_t>(on_stream);
  for_type_and_dim<kScalarAttention>(p.forward.type, p.forward.head_dim, [&]<class T, int D>() {
    Flash2BackwardSteps<T, D, false>::run(p, stream);
  });
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
