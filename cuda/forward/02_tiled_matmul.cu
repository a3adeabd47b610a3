// 02, tiled: the three kernels again, products through tiles in shared memory, one warp per row in the softmax.
//
// Paper:    Dao et al., "FlashAttention" (2022), Algorithm 0, which reads and writes by blocks.
// Idea:     a block loads a 32 x 32 tile of each factor once, lane after lane along the row, and every
//           number then serves 32 products: loads of Q, K, V and P fall by 32. In fp32 every request is 4
//           sectors, all of each used.
// Traffic:  S and P still cross the bus, 4 bytes x N^2: written twice and read four times.
// Limits:   O(N^2) bytes and O(N^2) memory, however good the products are (rung 03 keeps S and P on the
//           SM). Four multiply-adds take five loads from shared memory.
#include "cuda/device/launch.cuh"
#include "cuda/device/philox.cuh"
#include "cuda/device/score.cuh"
#include "cuda/device/warp.cuh"
#include "cuda/forward/02_tiled_matmul.h"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

inline constexpr int kTile = 32;  // rows and columns of every tile
// Rows of threads: a thread has the rows y, y + 8, y + 16 and y + 24 of its column.
inline constexpr int kTileRows = 8;
inline constexpr int kARow = kTile / kTileRows;

// S and P, one after the other in the same place: [batch][head][seqlen_q][seqlen_kv].
__device__ inline float* tiled_scores(const AttentionParams& p, const Head& head) {
  return p.workspace + static_cast<std::int64_t>(head.batch_head) * p.seqlen_q * p.seqlen_kv;
}

// S: one block per tile of it, head_dim in steps of 32.
template <class T>
__global__ void __launch_bounds__(kTile* kTileRows) tiled_scores_kernel(const AttentionParams p) {
  __shared__ float q_tile[kTile][kTile + 1], k_tile[kTile][kTile + 1];  // + 1: a column meets 32 banks
  const Head head =
      head_of(p, static_cast<int>(blockIdx.z) / p.heads_q, static_cast<int>(blockIdx.z) % p.heads_q);
  const int row = static_cast<int>(blockIdx.y) * kTile, col = static_cast<int>(blockIdx.x) * kTile;
  if (row >= head.rows_q || col >= head.band.len_kv) return;
  const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y), j = col + x;
  const T* queries = head.queries<const T>(p.q);
  const T* keys = head.keys<const T>(p.k);

  float dot[kARow] = {};
  for (int t = 0; t < p.head_dim; t += kTile) {
    __syncthreads();
#pragma unroll
    for (int n = 0; n < kARow; ++n) {
      const int r = y + n * kTileRows;
      float q = 0.0f, k = 0.0f;
      if (row + r < head.band.len_q && t + x < p.head_dim)
        q = to_float(__ldcg(queries + (row + r) * p.q.row_stride + t + x));
      if (col + r < head.band.len_kv && t + x < p.head_dim)
        k = to_float(__ldcg(keys + (col + r) * p.k.row_stride + t + x));
      q_tile[r][x] = q;
      k_tile[r][x] = k;
    }
    __syncthreads();
#pragma unroll
    for (int u = 0; u < kTile; ++u) {
      const float k = k_tile[x][u];
#pragma unroll
      for (int n = 0; n < kARow; ++n) dot[n] = fmaf(q_tile[y + n * kTileRows][u], k, dot[n]);
    }
  }
  float* s = tiled_scores(p, head);
#pragma unroll
  for (int n = 0; n < kARow; ++n) {
    const int i = row + y + n * kTileRows;
    if (i < head.rows_q && j < head.band.len_kv) {
      s[static_cast<std::int64_t>(i) * p.seqlen_kv + j] =
          head.band.visible(i, j) ? logit(p, head, i, j, dot[n]) : kNegInf;
    }
  }
}

// P in place of S, and lse: one warp per row.
__global__ void __launch_bounds__(kTile* kTileRows) tiled_softmax_kernel(const AttentionParams p) {
  __shared__ float lse_tile[kTileRows];
  const Head head = head_of(p, static_cast<int>(blockIdx.z), static_cast<int>(blockIdx.y));
  const int i = static_cast<int>(blockIdx.x) * kTileRows + static_cast<int>(threadIdx.y);
  const int lane = static_cast<int>(threadIdx.x), n = i < head.rows_q ? head.band.len_kv : 0;
  float* s = tiled_scores(p, head) + static_cast<std::int64_t>(i) * p.seqlen_kv;

  float m = kNegInf, l = 0.0f;
  for (int col = 0; col < n; col += 32) {
    if (col + lane < n) m = fmaxf(m, s[col + lane]);
  }
  m = warp_max(m);
  const float base = exponent_base(m);
  for (int col = 0; col < n; col += 32) {
    if (col + lane < n) l += weight(s[col + lane], base);
  }
  l = warp_sum(l);
  const float norm = reciprocal_or_zero(l);
  for (int col = 0; col < n; col += 32) {
    const int j = col + lane;
    float keep = 1.0f;
    if (p.dropout.on) {
      const unsigned kept = kept_bits(p.dropout, head.batch_head, i, j / 4);
      keep = (kept >> (j % 4) & 1u) != 0 ? p.dropout.scale : 0.0f;
    }
    if (j < n) s[j] = weight(s[j], base) * norm * keep;
  }
  // The block's rows together: one sector, where one store per warp would be eight parts of it.
  if (lane == 0) lse_tile[threadIdx.y] = log_sum_exp(m, l);
  __syncthreads();
  const int row = static_cast<int>(blockIdx.x) * kTileRows + lane;
  if (p.lse.data != nullptr && threadIdx.y == 0 && lane < kTileRows && row < head.rows_q) {
    head.queries<float>(p.lse)[row * p.lse.row_stride] = lse_tile[lane];
  }
}

// O: one block per tile of it, keys in steps of 32.
template <class T>
__global__ void __launch_bounds__(kTile* kTileRows) tiled_output_kernel(const AttentionParams p) {
  constexpr float kHiddenWeight = -1.0f;  // no weight is negative
  __shared__ float p_tile[kTile][kTile + 1], v_tile[kTile][kTile + 1];
  const Head head =
      head_of(p, static_cast<int>(blockIdx.z) / p.heads_q, static_cast<int>(blockIdx.z) % p.heads_q);
  const int row = static_cast<int>(blockIdx.y) * kTile;
  if (row >= head.rows_q) return;
  const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  const int c = static_cast<int>(blockIdx.x) * kTile + x;
  const float* weights = tiled_scores(p, head);
  const T* values = head.keys<const T>(p.v);

  float o[kARow] = {};
  const int past = head.band.past_visible(row, kTile);
  for (int col = head.band.first_visible(row) / kTile * kTile; col < past; col += kTile) {
    __syncthreads();
#pragma unroll
    for (int n = 0; n < kARow; ++n) {
      const int r = y + n * kTileRows, i = row + r;
      float w = kHiddenWeight, v = 0.0f;
      if (head.band.visible(i, col + x))
        w = __ldcg(weights + static_cast<std::int64_t>(i) * p.seqlen_kv + col + x);
      if (col + r < head.band.len_kv && c < p.head_dim)
        v = to_float(__ldcg(values + (col + r) * p.v.row_stride + c));
      p_tile[r][x] = w;
      v_tile[r][x] = v;
    }
    __syncthreads();
#pragma unroll
    for (int u = 0; u < kTile; ++u) {
      const float v = v_tile[u][x];
#pragma unroll
      for (int n = 0; n < kARow; ++n) {
        const float w = p_tile[y + n * kTileRows][u];
        if (w != kHiddenWeight) o[n] = fmaf(w, v, o[n]);  // a hidden key may hold NaN
      }
    }
  }
#pragma unroll
  for (int n = 0; n < kARow; ++n) {
    const int i = row + y + n * kTileRows;
    if (i < head.rows_q && c < p.head_dim) head.queries<T>(p.o)[i * p.o.row_stride + c] = from_float<T>(o[n]);
  }
}

void tiled_02(const AttentionParams& p, void* on_stream) {
  const auto stream = static_cast<cudaStream_t>(on_stream);
  for_type<kScalarAttention>(p.type, [&]<class T>() {
    const dim3 block(kTile, kTileRows);
    const auto blocks = [](int count, int size) { return static_cast<unsigned>((count + size - 1) / size); };
    const unsigned heads = static_cast<unsigned>(p.batch) * static_cast<unsigned>(p.heads_q);
    if (p.seqlen_kv > 0) {
      tiled_scores_kernel<T>
          <<<dim3(blocks(p.seqlen_kv, kTile), blocks(p.seqlen_q, kTile), heads), block, 0, stream>>>(p);
      ATTNLAB_CUDA_LAUNCHED("tiled_scores_kernel");
    }
    tiled_softmax_kernel<<<dim3(blocks(p.seqlen_q, kTileRows), static_cast<unsigned>(p.heads_q),
                                static_cast<unsigned>(p.batch)),
                           block, 0, stream>>>(p);
    ATTNLAB_CUDA_LAUNCHED("tiled_softmax_kernel");
    tiled_output_kernel<T>
        <<<dim3(blocks(p.head_dim, kTile), blocks(p.seqlen_q, kTile), heads), block, 0, stream>>>(p);
    ATTNLAB_CUDA_LAUNCHED("tiled_output_kernel");
  });
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
