// One tile of an attention backward pass in shared memory, for FlashAttention-1 and -2: from Q, K, V, dO, lse
// and delta to P and dS, and from those to the tile's part of dQ, dK and dV.
//
// 128 threads as 8 x 16. Of a Tile x Tile matrix a thread has kRows neighbouring rows and every 16th column;
// of a Tile x D one, kRows rows and every 16th number of the head. A warp's two rows of threads then store
// to, and load from, different banks: rows of K, V, Q and dO are 4 floats longer than D, so that 8 rows'
// float4 at one column fill the 32 banks once.
#pragma once

#include "cuda/device/backward_geometry.h"
#include "cuda/device/philox.cuh"
#include "cuda/device/register_tile.cuh"
#include "cuda/device/score.cuh"
#include "cuda/device/softmax.cuh"
#include "cuda/device/tile.cuh"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

template <int D>
struct BackwardTile {
  static constexpr int kThreads = kBackward<D>.threads, kTile = kBackward<D>.br;
  static constexpr int kRows = kTile / 8, kCols = kTile / 16, kDims = D / 16;  // a thread's share
  static constexpr int kStride = D + kRowPadding, kWeightStride = kTile + kWeightPadding<kTile>;
  static constexpr int kHeadTile = kTile * kStride, kWeights = kTile * kWeightStride;

  float *q, *dout, *k, *v;  // [kTile][kStride]
  float *p, *ds;            // [query][key], kWeightStride apart. p is dropped: what dV takes
  float *lse, *delta;       // [kTile]

  __device__ explicit BackwardTile(float* shared)
      : q(shared),
        dout(q + kHeadTile),
        k(dout + kHeadTile),
        v(k + kHeadTile),
        p(v + kHeadTile),
        ds(p + kWeights),
        lse(ds + kWeights),
        delta(lse + kTile) {}

  __device__ static int first_row() { return static_cast<int>(threadIdx.x) / 16 * kRows; }
  __device__ static int first_col() { return static_cast<int>(threadIdx.x) % 16; }

  // The rows from `row` on of a head's tensor of the queries' shape, or of the keys'.
  template <class T, class Tensor>
  __device__ void load_queries(float* tile, const Head& head, const Tensor& from, int row) const {
    load_tile<kTile, D, kStride, kThreads>(tile, head.queries<const T>(from), from.row_stride, row,
                                           head.band.len_q);
  }
  template <class T, class Tensor>
  __device__ void load_keys(float* tile, const Head& head, const Tensor& from, int row) const {
    load_tile<kTile, D, kStride, kThreads>(tile, head.keys<const T>(from), from.row_stride, row,
                                           head.band.len_kv);
  }
  // One number per row: lse or delta.
  __device__ void load_numbers(float* tile, const Head& head, const Strided<float>& from, int row) const {
    const int r = static_cast<int>(threadIdx.x);
    if (r < kTile) {
      tile[r] = row + r < head.band.len_q ? head.queries<const float>(from)[(row + r) * from.row_stride] : 0;
    }
  }
};

// products[r][c] = a_row . b_col over D: this thread's part of a b^T.
template <int D>
__device__ inline void row_products(const float* a, const float* b,
                                    float (&products)[BackwardTile<D>::kRows][BackwardTile<D>::kCols]) {
  using Tile = BackwardTile<D>;
  tile_dots<D, Tile::kStride, 4>(a + Tile::first_row() * Tile::kStride, b + Tile::first_col() * Tile::kStride,
                                 products);
}

// Dropout's factors of this thread's pairs: 0, or 1 / (1 - p). The four lanes that share a quad of keys draw
// for one row each and tell the others.
template <int D>
__device__ inline void dropout_factors(const DropoutParams& dropout, const Head& head, int row, int col,
                                       float (&factors)[BackwardTile<D>::kRows][BackwardTile<D>::kCols]) {
  using Tile = BackwardTile<D>;
  const int lane = Tile::first_col();
#pragma unroll
  for (int c = 0; c < Tile::kCols; ++c) {
    unsigned mine = 0;
    if (dropout.on) {
      mine = kept_bits(dropout, head.batch_head, row + Tile::first_row() + lane % Tile::kRows,
                       (col + lane + 16 * c) / 4);
    }
#pragma unroll
    for (int r = 0; r < Tile::kRows; ++r) {
      factors[r][c] = 1;
      if (dropout.on) {
        const unsigned bits = __shfl_sync(0xffffffffu, mine, lane / 4 * 4 + r, 16);
        factors[r][c] = (bits >> lane % 4 & 1u) != 0 ? dropout.scale : 0.0f;
      }
    }
  }
}

// The weight of a hidden pair: a zero that no visible pair has.
inline constexpr float kHidden = -0.0f;

// P = exp(S - lse) and dS = P (dP - delta) of the tile whose first query is row and first key is col, into
// tile.p and tile.ds. Hidden pairs get kHidden, whatever lies beside them. The caller keeps barriers before
// and after.
template <int D>
__device__ inline void score_gradients(const AttentionParams& params, const Head& head, int row, int col,
                                       const BackwardTile<D>& tile) {
  using Tile = BackwardTile<D>;
  float s[Tile::kRows][Tile::kCols], dp[Tile::kRows][Tile::kCols], keep[Tile::kRows][Tile::kCols];
  row_products<D>(tile.q, tile.k, s);
  row_products<D>(tile.dout, tile.v, dp);
  dropout_factors<D>(params.dropout, head, row, col, keep);
#pragma unroll
  for (int r = 0; r < Tile::kRows; ++r) {
    const int tile_row = Tile::first_row() + r, i = row + tile_row;
    const float lse = tile.lse[tile_row], delta = tile.delta[tile_row];
    const int begin = head.band.begin(i), end = head.band.end(i);
#pragma unroll
    for (int c = 0; c < Tile::kCols; ++c) {
      const int tile_col = Tile::first_col() + 16 * c, j = col + tile_col;
      const float capped = softcapped(params, s[r][c] * params.scale);
      const float logit = head.alibi_slope == 0.0f ? capped : capped - alibi(head, i, j);
      const bool visible = j >= begin && j < end;
      const float p = lse == kNegInf ? 0.0f : weight(logit, lse);  // all logits -inf: no weight at all
      float ds = p * (dp[r][c] * keep[r][c] - delta);
      if (params.softcap != 0.0f) {
        const float t = capped / params.softcap;
        ds *= 1 - t * t;
      }
      const int at = tile_row * Tile::kWeightStride + tile_col;
      tile.p[at] = visible ? p * keep[r][c] : kHidden;
      tile.ds[at] = visible ? ds + 0.0f : kHidden;  // -0 + 0 = +0
    }
  }
}

// sum + w x; where Guarded, nothing is added for a hidden pair: x may be NaN behind a mask.
template <bool Guarded>
__device__ inline float add_weighted(float sum, float w, float x) {
  const float added = fmaf(w, x, sum);
  return Guarded && __float_as_uint(w) == __float_as_uint(kHidden) ? sum : added;
}

// sum[r][c] += this thread's part of w^T x: dV from P and dO, dK from dS and Q.
template <int D, bool Guarded>
__device__ inline void add_over_queries(float (&sum)[BackwardTile<D>::kRows][BackwardTile<D>::kDims],
                                        const float* w, const float* x) {
  using Tile = BackwardTile<D>;
  w += Tile::first_row();
  x += Tile::first_col();
#pragma unroll 2
  for (int i = 0; i < Tile::kTile; ++i) {
    float weights[Tile::kRows];
    load_vector(weights, w + i * Tile::kWeightStride);
#pragma unroll
    for (int c = 0; c < Tile::kDims; ++c) {
      const float value = x[i * Tile::kStride + 16 * c];
#pragma unroll
      for (int r = 0; r < Tile::kRows; ++r) {
        sum[r][c] = add_weighted<Guarded>(sum[r][c], weights[r], value);
      }
    }
  }
}

// sum[r][c] += this thread's part of w x: dQ from dS and K.
template <int D, bool Guarded>
__device__ inline void add_over_keys(float (&sum)[BackwardTile<D>::kRows][BackwardTile<D>::kDims],
                                     const float* w, const float* x) {
  using Tile = BackwardTile<D>;
  w += Tile::first_row() * Tile::kWeightStride;
  x += Tile::first_col();
#pragma unroll 1
  for (int j = 0; j < Tile::kTile; j += Tile::kRows) {
    float weights[Tile::kRows][Tile::kRows];
#pragma unroll
    for (int r = 0; r < Tile::kRows; ++r) load_vector(weights[r], w + r * Tile::kWeightStride + j);
#pragma unroll
    for (int u = 0; u < Tile::kRows; ++u) {
#pragma unroll
      for (int c = 0; c < Tile::kDims; ++c) {
        const float value = x[(j + u) * Tile::kStride + 16 * c];
#pragma unroll
        for (int r = 0; r < Tile::kRows; ++r) {
          sum[r][c] = add_weighted<Guarded>(sum[r][c], weights[r][u], value);
        }
      }
    }
  }
}

// This thread's part of a Tile x D matrix, in registers: dQ, dK or dV.
template <int D>
struct Gradient {
  using Tile = BackwardTile<D>;
  float value[Tile::kRows][Tile::kDims];

  __device__ void clear() {
#pragma unroll
    for (int r = 0; r < Tile::kRows; ++r) {
#pragma unroll
      for (int c = 0; c < Tile::kDims; ++c) value[r][c] = 0;
    }
  }
  // += w^T x and += w x, of a tile that is wholly visible or not.
  __device__ void add_over_queries(const float* w, const float* x, bool whole) {
    if (whole) {
      ATTNLAB_CUDA_BACKEND::add_over_queries<D, false>(value, w, x);
    } else {
      ATTNLAB_CUDA_BACKEND::add_over_queries<D, true>(value, w, x);
    }
  }
  __device__ void add_over_keys(const float* w, const float* x, bool whole) {
    if (whole) {
      ATTNLAB_CUDA_BACKEND::add_over_keys<D, false>(value, w, x);
    } else {
      ATTNLAB_CUDA_BACKEND::add_over_keys<D, true>(value, w, x);
    }
  }
  // Calls body(row of the tile, column of the head, number) for each of them.
  template <class Body>
  __device__ void for_each(Body body) const {
#pragma unroll
    for (int r = 0; r < Tile::kRows; ++r) {
#pragma unroll
      for (int c = 0; c < Tile::kDims; ++c)
        body(Tile::first_row() + r, Tile::first_col() + 16 * c, value[r][c]);
    }
  }
  // to[(row + r) * row_stride + c] = factor * value, for the rows before end.
  template <class T>
  __device__ void store(T* to, std::int64_t row_stride, int row, int end, float factor) const {
    for_each([&](int r, int c, float x) {
      if (row + r < end) to[(row + r) * row_stride + c] = from_float<T>(factor * x);
    });
  }
};

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
