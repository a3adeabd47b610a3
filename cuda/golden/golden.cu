// Golden values on the device: attention and its gradients in float64, every mask and option of the problem.
//
// Paper:    Dao, "FlashAttention-2" (2023), Algorithms 1 and 2: the online softmax, never N x N in memory.
// Idea:     all three kernels do the same two things: a 32 x 64 tile of products a b^T, and sums of rows
//           weighted by such a tile. Rows are queries for O and dQ, keys for dK and dV, so that no kernel
//           needs an atomic and every sum has one order: the same bits on every run.
// Limits:   made to be right and plain. Products go through shared memory in pieces of 16 columns, weighted
//           rows straight from global memory; no tensor core.
#include <cuda_runtime.h>

#include <cfloat>
#include <cmath>

#include "cuda/device/launch.cuh"
#include "cuda/device/philox.cuh"
#include "cuda/golden/golden_params.h"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

inline constexpr int kGoldenThreads = 256, kGroup = 16;  // a group of 16 threads owns two rows
inline constexpr int kTileRows = 32, kTileCols = 64, kChunk = 16;
inline constexpr int kOwnRows = 2, kOwnCols = kTileCols / kGroup;
inline constexpr double kMinusInf = -INFINITY;
inline constexpr double kHiddenPair = -0.0;  // the weight of a hidden pair: a zero that no visible pair has

// [kTileRows][kTileCols] of weights, and the pieces of both operands of a product.
struct GoldenShared {
  double weight[kTileRows][kTileCols + 1];
  double a[kTileRows][kChunk + 1], b[kTileCols][kChunk + 1];
};

// `rows` rows of a matrix from row `first` on; those from `end` on count as 0.
struct RowsOf {
  const double* data;
  int first, end, dim;
};

__device__ inline int group_of_thread() { return static_cast<int>(threadIdx.x) / kGroup; }
__device__ inline int lane_of_group() { return static_cast<int>(threadIdx.x) % kGroup; }

template <int Rows>
__device__ inline void load_chunk(double (&to)[Rows][kChunk + 1], const RowsOf& from, int t) {
  for (int e = static_cast<int>(threadIdx.x); e < Rows * kChunk; e += kGoldenThreads) {
    const int r = e / kChunk, c = e % kChunk, row = from.first + r;
    to[r][c] = row < from.end && t + c < from.dim
                   ? from.data[static_cast<std::int64_t>(row) * from.dim + t + c]
                   : 0.0;
  }
}

// product[r][c] = a_row . b_col for this thread's rows 2 group + r and columns lane + 16 c of the tile.
__device__ inline void tile_products(GoldenShared& shared, const RowsOf& a, const RowsOf& b,
                                     double (&product)[kOwnRows][kOwnCols]) {
#pragma unroll
  for (int r = 0; r < kOwnRows; ++r) {
#pragma unroll
    for (int c = 0; c < kOwnCols; ++c) product[r][c] = 0;
  }
  for (int t = 0; t < a.dim; t += kChunk) {
    __syncthreads();
    load_chunk(shared.a, a, t);
    load_chunk(shared.b, b, t);
    __syncthreads();
#pragma unroll
    for (int u = 0; u < kChunk; ++u) {
      double y[kOwnCols];
#pragma unroll
      for (int c = 0; c < kOwnCols; ++c) y[c] = shared.b[lane_of_group() + kGroup * c][u];
#pragma unroll
      for (int r = 0; r < kOwnRows; ++r) {
        const double x = shared.a[group_of_thread() * kOwnRows + r][u];
#pragma unroll
        for (int c = 0; c < kOwnCols; ++c) product[r][c] = fma(x, y[c], product[r][c]);
      }
    }
  }
}

// sum[r][c] += sum over the tile's columns j of weight[row][j] x_j, this thread's columns lane + 16 c of x.
template <int Dim>
__device__ inline void add_weighted_rows(const GoldenShared& shared, const RowsOf& x,
                                         double (&sum)[kOwnRows][Dim / kGroup]) {
  const int count = min(kTileCols, x.end - x.first);
  for (int j = 0; j < count; ++j) {
    const double* row = x.data + static_cast<std::int64_t>(x.first + j) * x.dim;
    double w[kOwnRows];
    bool hidden[kOwnRows];
#pragma unroll
    for (int r = 0; r < kOwnRows; ++r) {
      w[r] = shared.weight[group_of_thread() * kOwnRows + r][j];
      hidden[r] = __double_as_longlong(w[r]) == __double_as_longlong(kHiddenPair);
    }
#pragma unroll
    for (int c = 0; c < Dim / kGroup; ++c) {
      const int column = lane_of_group() + kGroup * c;
      const double value = column < x.dim ? row[column] : 0.0;
#pragma unroll
      for (int r = 0; r < kOwnRows; ++r) {
        if (!hidden[r]) sum[r][c] = fma(w[r], value, sum[r][c]);
      }
    }
  }
}

// Where row i's band begins and ends; [0, 0) for rows beyond the sequence.
__device__ inline int band_begin(const GoldenHead& head, int i) {
  return max(0, i + head.seqlen_kv - head.seqlen_q - head.left);
}
__device__ inline int band_end(const GoldenHead& head, int i) {
  return i >= head.seqlen_q ? 0 : min(head.seqlen_kv, i + head.seqlen_kv - head.seqlen_q + head.right + 1);
}

// What (i, j) weighs: hidden or not, its logit, and the capped score for softcap's derivative.
struct Pair {
  bool visible;
  double logit, capped;
};
__device__ inline Pair pair_of(const GoldenParams& p, const GoldenHead& head, int i, int j, double q_dot_k) {
  Pair pair{j >= band_begin(head, i) && j < band_end(head, i), 0, 0};
  if (!pair.visible) return pair;
  if (head.mask.data != nullptr) {
    pair.visible = head.mask.data[i * head.mask.row_stride + j * head.mask.col_stride] != 0;
  }
  double bias = 0;
  if (head.bias.data != nullptr && pair.visible) {
    bias = head.bias.data[i * head.bias.row_stride + j * head.bias.col_stride];
    pair.visible = bias != kMinusInf;
  }
  const double x = q_dot_k * p.scale;
  pair.capped = p.softcap == 0 ? x : p.softcap * tanh(x / p.softcap);
  pair.logit = pair.capped;
  if (head.alibi_slope != 0) {
    pair.logit -= head.alibi_slope * fabs(static_cast<double>(i + head.seqlen_kv - head.seqlen_q - j));
  }
  if (head.bias.data != nullptr) pair.logit += bias;
  return pair;
}

__device__ inline double keep_factor(const GoldenParams& p, const GoldenHead& head, int i, int j) {
  if (!p.dropout.on) return 1;
  return (kept_bits(p.dropout, head.batch_head, i, j / 4) >> (j % 4) & 1u) != 0 ? p.dropout_scale : 0.0;
}

// exp(s - base), 0 below the smallest normal number; base is 0 while nothing was seen.
__device__ inline double golden_weight(double s, double base) {
  const double w = exp(s - base);
  return w < DBL_MIN ? 0.0 : w;
}

template <class Combine>
__device__ inline double over_group(double x, Combine combine) {
#pragma unroll
  for (int distance = kGroup / 2; distance > 0; distance /= 2) {
    x = combine(x, __shfl_xor_sync(0xffffffffu, x, distance));
  }
  return x;
}
__device__ inline double group_sum(double x) {
  return over_group(x, [](double a, double b) { return a + b; });
}
__device__ inline double group_max(double x) {
  return over_group(x, [](double a, double b) { return fmax(a, b); });
}

// O, lse and, for a backward pass, delta = dO . O of 32 queries.
template <int Dim>
__global__ void __launch_bounds__(kGoldenThreads) golden_forward_kernel(const GoldenParams p) {
  __shared__ GoldenShared shared;
  const GoldenHead head = p.heads[blockIdx.y];
  const int row = static_cast<int>(blockIdx.x) * kTileRows, own = row + group_of_thread() * kOwnRows;
  if (row >= head.seqlen_q) return;
  const int lane = lane_of_group();

  double o[kOwnRows][Dim / kGroup] = {}, m[kOwnRows], l[kOwnRows];
#pragma unroll
  for (int r = 0; r < kOwnRows; ++r) {
    m[r] = head.sink;  // a virtual key with v = 0; its logit is -inf where there is none
    l[r] = lane == 0 && head.sink != kMinusInf ? 1 : 0;
  }
  const int past = band_end(head, min(row + kTileRows, head.seqlen_q) - 1);
  for (int col = band_begin(head, row) / kTileCols * kTileCols; col < past; col += kTileCols) {
    double s[kOwnRows][kOwnCols];
    tile_products(shared, {head.q, row, head.seqlen_q, p.head_dim}, {head.k, col, head.seqlen_kv, p.head_dim},
                  s);
#pragma unroll
    for (int r = 0; r < kOwnRows; ++r) {
      bool visible[kOwnCols];
      double largest = m[r];
#pragma unroll
      for (int c = 0; c < kOwnCols; ++c) {
        const Pair pair = pair_of(p, head, own + r, col + lane + kGroup * c, s[r][c]);
        visible[c] = pair.visible;
        s[r][c] = pair.visible ? pair.logit : kMinusInf;
        largest = fmax(largest, s[r][c]);
      }
      largest = group_max(largest);
      const double base = largest == kMinusInf ? 0 : largest, rescale = exp(m[r] - base);
      m[r] = largest;
      l[r] *= rescale;
#pragma unroll
      for (int c = 0; c < Dim / kGroup; ++c) o[r][c] *= rescale;
#pragma unroll
      for (int c = 0; c < kOwnCols; ++c) {
        const int j = col + lane + kGroup * c;
        const double w = golden_weight(s[r][c], base);
        if (visible[c]) l[r] += w;
        shared.weight[group_of_thread() * kOwnRows + r][lane + kGroup * c] =
            visible[c] ? w * keep_factor(p, head, own + r, j) : kHiddenPair;
      }
    }
    __syncthreads();
    add_weighted_rows<Dim>(shared, {head.v, col, head.seqlen_kv, p.head_dim_v}, o);
  }

#pragma unroll
  for (int r = 0; r < kOwnRows; ++r) {
    const int i = own + r;
    const double sum = group_sum(l[r]), norm = sum == 0 ? 0 : 1 / sum;
    double dot = 0;
#pragma unroll
    for (int c = 0; c < Dim / kGroup; ++c) {
      const int column = lane + kGroup * c;
      if (column >= p.head_dim_v || i >= head.seqlen_q) continue;
      const std::int64_t at = static_cast<std::int64_t>(i) * p.head_dim_v + column;
      const double value = o[r][c] * norm;
      head.o[at] = value;
      if (p.backward) dot = fma(head.dout[at], value, dot);
    }
    dot = group_sum(dot);
    if (lane == 0 && i < head.seqlen_q) {
      head.lse[i] = sum == 0 ? kMinusInf : m[r] + log(sum);
      head.max[i] = m[r];
      if (p.backward) head.delta[i] = dot;
    }
  }
}

// The weights of (i, j) in the backward pass: of dO in dV, and of the other operand in dQ and dK.
struct PairGradient {
  double p, ds;
};
__device__ inline PairGradient pair_gradient(const GoldenParams& params, const GoldenHead& head, int i, int j,
                                             double q_dot_k, double dout_dot_v) {
  const Pair pair = pair_of(params, head, i, j, q_dot_k);
  if (!pair.visible) return {kHiddenPair, kHiddenPair};
  const double lse = head.lse[i], keep = keep_factor(params, head, i, j);
  const double p = lse == kMinusInf ? 0 : golden_weight(pair.logit, lse);
  double ds = p * (dout_dot_v * keep - head.delta[i]) * params.scale;
  if (params.softcap != 0) {
    const double t = pair.capped / params.softcap;
    ds *= 1 - t * t;
  }
  return {p * keep + 0.0, ds + 0.0};  // -0 + 0 = +0
}

// dQ of 32 queries.
template <int Dim>
__global__ void __launch_bounds__(kGoldenThreads) golden_dq_kernel(const GoldenParams p) {
  __shared__ GoldenShared shared;
  const GoldenHead head = p.heads[blockIdx.y];
  const int row = static_cast<int>(blockIdx.x) * kTileRows, own = row + group_of_thread() * kOwnRows;
  if (row >= head.seqlen_q) return;

  double dq[kOwnRows][Dim / kGroup] = {};
  const int past = band_end(head, min(row + kTileRows, head.seqlen_q) - 1);
  for (int col = band_begin(head, row) / kTileCols * kTileCols; col < past; col += kTileCols) {
    double s[kOwnRows][kOwnCols], dp[kOwnRows][kOwnCols];
    const RowsOf keys{head.k, col, head.seqlen_kv, p.head_dim};
    tile_products(shared, {head.q, row, head.seqlen_q, p.head_dim}, keys, s);
    tile_products(shared, {head.dout, row, head.seqlen_q, p.head_dim_v},
                  {head.v, col, head.seqlen_kv, p.head_dim_v}, dp);
#pragma unroll
    for (int r = 0; r < kOwnRows; ++r) {
#pragma unroll
      for (int c = 0; c < kOwnCols; ++c) {
        const int tile_col = lane_of_group() + kGroup * c;
        shared.weight[group_of_thread() * kOwnRows + r][tile_col] =
            pair_gradient(p, head, own + r, col + tile_col, s[r][c], dp[r][c]).ds;
      }
    }
    __syncthreads();
    add_weighted_rows<Dim>(shared, keys, dq);
  }
#pragma unroll
  for (int r = 0; r < kOwnRows; ++r) {
#pragma unroll
    for (int c = 0; c < Dim / kGroup; ++c) {
      const int column = lane_of_group() + kGroup * c;
      if (own + r < head.seqlen_q && column < p.head_dim) {
        head.dq[static_cast<std::int64_t>(own + r) * p.head_dim + column] = dq[r][c];
      }
    }
  }
}

// What one query head adds to dK and dV of 32 keys.
template <int Dim>
__global__ void __launch_bounds__(kGoldenThreads) golden_dkv_kernel(const GoldenParams p) {
  __shared__ GoldenShared shared;
  const GoldenHead head = p.heads[blockIdx.y];
  const int key = static_cast<int>(blockIdx.x) * kTileRows, own = key + group_of_thread() * kOwnRows;
  if (key >= head.seqlen_kv) return;

  double dk[kOwnRows][Dim / kGroup] = {}, dv[kOwnRows][Dim / kGroup] = {};
  for (int row = 0; row < head.seqlen_q; row += kTileCols) {
    const int last = min(row + kTileCols, head.seqlen_q) - 1;
    if (band_begin(head, row) >= key + kTileRows || band_end(head, last) <= key) continue;
    double s[kOwnRows][kOwnCols], dp[kOwnRows][kOwnCols];
    const RowsOf queries{head.q, row, head.seqlen_q, p.head_dim};
    const RowsOf douts{head.dout, row, head.seqlen_q, p.head_dim_v};
    tile_products(shared, {head.k, key, head.seqlen_kv, p.head_dim}, queries, s);
    tile_products(shared, {head.v, key, head.seqlen_kv, p.head_dim_v}, douts, dp);
#pragma unroll
    for (int r = 0; r < kOwnRows; ++r) {
#pragma unroll
      for (int c = 0; c < kOwnCols; ++c) {
        const int tile_col = lane_of_group() + kGroup * c;
        const PairGradient gradient = pair_gradient(p, head, row + tile_col, own + r, s[r][c], dp[r][c]);
        shared.weight[group_of_thread() * kOwnRows + r][tile_col] = gradient.p;
        s[r][c] = gradient.ds;
      }
    }
    __syncthreads();
    add_weighted_rows<Dim>(shared, douts, dv);
    __syncthreads();
#pragma unroll
    for (int r = 0; r < kOwnRows; ++r) {
#pragma unroll
      for (int c = 0; c < kOwnCols; ++c) {
        shared.weight[group_of_thread() * kOwnRows + r][lane_of_group() + kGroup * c] = s[r][c];
      }
    }
    __syncthreads();
    add_weighted_rows<Dim>(shared, queries, dk);
  }
#pragma unroll
  for (int r = 0; r < kOwnRows; ++r) {
    if (own + r >= head.seqlen_kv) continue;
#pragma unroll
    for (int c = 0; c < Dim / kGroup; ++c) {
      const int column = lane_of_group() + kGroup * c;
      const std::int64_t at = own + r;
      if (column < p.head_dim) head.dk[at * p.head_dim + column] = dk[r][c];
      if (column < p.head_dim_v) head.dv[at * p.head_dim_v + column] = dv[r][c];
    }
  }
}

template <int Dim>
void launch_golden(const GoldenParams& p, cudaStream_t stream) {
  const auto blocks = [](int rows) { return static_cast<unsigned>((rows + kTileRows - 1) / kTileRows); };
  const dim3 queries(blocks(p.seqlen_q), static_cast<unsigned>(p.num_heads));
  const dim3 keys(blocks(p.seqlen_kv), static_cast<unsigned>(p.num_heads));
  if (p.seqlen_q != 0) {
    golden_forward_kernel<Dim><<<queries, kGoldenThreads, 0, stream>>>(p);
    ATTNLAB_CUDA_LAUNCHED("golden_forward_kernel");
  }
  if (p.backward && p.seqlen_q != 0) {
    golden_dq_kernel<Dim><<<queries, kGoldenThreads, 0, stream>>>(p);
    ATTNLAB_CUDA_LAUNCHED("golden_dq_kernel");
  }
  if (p.backward && p.seqlen_kv != 0) {
    golden_dkv_kernel<Dim><<<keys, kGoldenThreads, 0, stream>>>(p);
    ATTNLAB_CUDA_LAUNCHED("golden_dkv_kernel");
  }
}

void golden_kernels(const GoldenParams& p, void* stream) {
  const auto cuda_stream = static_cast<cudaStream_t>(stream);
  const int dim = p.head_dim > p.head_dim_v ? p.head_dim : p.head_dim_v;
  if (dim <= 64) return launch_golden<64>(p, cuda_stream);
  if (dim <= 128) return launch_golden<128>(p, cuda_stream);
  if (dim <= 256) return launch_golden<256>(p, cuda_stream);
  return launch_golden<512>(p, cuda_stream);
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
