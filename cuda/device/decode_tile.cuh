// What one warp of a grouped decode kernel does with its tiles of 16 keys: S = Q K^T, with the packed rows as the 16
// rows (or 8 of them) of a matrix instruction and 8 keys as its columns; then O^T = V^T P^T, with columns of V as its
// rows, 16 keys as its depth and 8 packed rows as its columns. P leaves the first product as the second one takes it.
#pragma once

#include "cuda/device/decode_arrival.cuh"
#include "cuda/device/decode_partials.cuh"
#include "cuda/device/score.cuh"
#include "cuda/device/warp.cuh"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

// Over the 4 lanes of a row.
__device__ __forceinline__ float max_of_row(float x) {
  x = fmaxf(x, __shfl_xor_sync(kAllLanes, x, 1));
  return fmaxf(x, __shfl_xor_sync(kAllLanes, x, 2));
}
__device__ __forceinline__ float sum_of_row(float x) {
  x += __shfl_xor_sync(kAllLanes, x, 1);
  return x + __shfl_xor_sync(kAllLanes, x, 2);
}
// Of a number that every row's lanes have, those of rows 2t and 2t + 1.
__device__ __forceinline__ void of_columns(float row, float (&column)[2]) {
  column[0] = __shfl_sync(kAllLanes, row, 8 * (static_cast<int>(threadIdx.x) % 4));
  column[1] = __shfl_sync(kAllLanes, row, 8 * (static_cast<int>(threadIdx.x) % 4) + 4);
}

// T: of Q and O. C: of the cache. Eights: rows in eights.
template <class T, class C, int D, int Dv, int Eights>
class DecodeTile {
  using Share = Shares<C, D, Dv>;
  using P = Product<T, C>;
  static constexpr bool kNarrow = sizeof(C) == 1;
  static constexpr int kSteps = D / 16, kParts = Dv / 16;

 public:
  static constexpr int kRows = 8 * Eights;
  // Of 16 keys: number 2n + x of s[half] is that of row 8n + g with key 8 half + 2t + x.
  using Scores = float[2][4];

  float m[Eights], l[Eights];  // of row 8n + g; l of this lane's keys
  float o[kParts][Eights]
         [4];  // columns value_column(part) and value_column(part + kParts) of rows 8n + 2t and + 1
  Keys rows_keys[Eights];
  Keys all_see, some_see;     // keys that all rows of the block see that see any, and that one of them sees
  float value_factor = 1.0f;  // what O is to be multiplied by

  __device__ DecodeTile(const AttentionParams& p, const Span& span, int sequence, int kv_head,
                        int first_row) {
    load_queries(p, span, sequence, kv_head, first_row);
    int begin = 1 << 30, end = 0, last_begin = 0, first_end = 1 << 30;
#pragma unroll
    for (int n = 0; n < Eights; ++n) {
      const PackedRow row = packed_row(p, span, sequence, kv_head, first_row + 8 * n + lane_g());
      const Keys keys = row.keys;
      rows_keys[n] = keys;
      m[n] = kNegInf, l[n] = 0.0f;
      if (p.alibi_slopes != nullptr) slope_[n] = row.head.alibi_slope * kLog2e;
      diagonal_[n] = row.i + row.head.band.offset();
      if (keys.begin >= keys.end) continue;
      begin = min(begin, keys.begin), end = max(end, keys.end);
      last_begin = max(last_begin, keys.begin), first_end = min(first_end, keys.end);
    }
#pragma unroll
    for (int distance = 4; distance < 32; distance *= 2) {
      begin = min(begin, __shfl_xor_sync(kAllLanes, begin, distance));
      end = max(end, __shfl_xor_sync(kAllLanes, end, distance));
      last_begin = max(last_begin, __shfl_xor_sync(kAllLanes, last_begin, distance));
      first_end = min(first_end, __shfl_xor_sync(kAllLanes, first_end, distance));
    }
    some_see = {begin, end}, all_see = {last_begin, first_end};
#pragma unroll
    for (int part = 0; part < kParts; ++part) {
#pragma unroll
      for (int n = 0; n < Eights; ++n) {
#pragma unroll
        for (int e = 0; e < 4; ++e) o[part][n][e] = 0.0f;
      }
    }
  }

  // Factors that are the same for all keys go into the softmax scale and to the end.
  __device__ void set_factors(const AttentionParams& p, const Head& head, const Keys& keys) {
    if constexpr (kNarrow) {
      k_factors_ = factors_of(p.k_scale, head), v_factors_ = factors_of(p.v_scale, head);
      if (!k_factors_.by_row()) {
        const float factor = k_factors_.at(0);
#pragma unroll
        for (int n = 0; n < Eights; ++n) scale_[n] *= factor;
      }
      // Weights are rounded to fp16 after they took the row's factor: relative to the first one's, which is of their
      // size.
      if (keys.begin < keys.end) value_factor = v_factors_.at(keys.begin);
      per_value_ = value_factor == 0.0f || !isfinite(value_factor) ? 1.0f : 1.0f / value_factor;
      if (v_factors_.by_row() && (value_factor == 0.0f || !isfinite(value_factor))) value_factor = 1.0f;
      end_ = keys.end;
    }
  }

  __device__ __forceinline__ void scores(const Lanes<2, Share::kKeyWords>& k, Scores& s) const {
#pragma unroll
    for (int half = 0; half < 2; ++half) s[half][0] = s[half][1] = s[half][2] = s[half][3] = 0.0f;
#pragma unroll
    for (int step = 0; step < kSteps; ++step) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        unsigned b0, b1;
        key_pairs<C>(k.row[half], step, b0, b1);
        multiply_add<P>(s[half], q_[step], b0, b1);
      }
    }
  }

  // From products to weights, which become the second product's operand.
  __device__ __forceinline__ void weights(const AttentionParams& p, int key, Scores& s,
                                          unsigned (&b)[Eights][2]) {
    logits(p, key, s);
    bool higher = false;  // than every key before: ever more seldom
#pragma unroll
    for (int n = 0; n < Eights; ++n) higher = higher || highest(s, n) > m[n];
    if (__any_sync(kAllLanes, higher)) rescale(s);
    float v_factor[2][2] = {{1.0f, 1.0f}, {1.0f, 1.0f}};
    if constexpr (kNarrow) {
      if (v_factors_.by_row()) {
#pragma unroll
        for (int e = 0; e < 4; ++e)
          v_factor[e / 2][e % 2] = factor_of(v_factors_, key + key_of(e / 2, e % 2)) * per_value_;
      }
    }
#pragma unroll
    for (int n = 0; n < Eights; ++n) {
      const float base = exponent_base(m[n]);
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        float(&pair)[4] = s[half];
        pair[2 * n] = exp2_flushed(pair[2 * n] - base);
        pair[2 * n + 1] = exp2_flushed(pair[2 * n + 1] - base);
        l[n] += pair[2 * n] + pair[2 * n + 1];
        b[n][half] = pair_of<P>(pair[2 * n] * v_factor[half][0], pair[2 * n + 1] * v_factor[half][1]);
      }
    }
  }

  __device__ __forceinline__ void accumulate(const Lanes<4, Share::kValueWords>& v,
                                             const unsigned (&b)[Eights][2]) {
#pragma unroll
    for (int part = 0; part < kParts; ++part) {
      const unsigned a[4] = {
          value_pair<C>(v.row[0], v.row[1], part), value_pair<C>(v.row[0], v.row[1], part + kParts),
          value_pair<C>(v.row[2], v.row[3], part), value_pair<C>(v.row[2], v.row[3], part + kParts)};
#pragma unroll
      for (int n = 0; n < Eights; ++n) multiply_add<P>(o[part][n], a, b[n][0], b[n][1]);
    }
  }

  // The same for a tile with NaN or infinities in V of which some rows see more keys than others: what is hidden from a
  // row must not meet its weights of 0. s: the weights; V is read from memory once more.
  __device__ __forceinline__ void accumulate_visible(const Tiles16<C>& tiles, int key, const Scores& s) {
    const TileAt tile = tiles.at(key);
#pragma unroll 1
    for (int j = 0; j < kTileKeys; ++j) {
      if (!tiles.wanted(tile, j)) continue;
      const C* row = tiles.row(tiles.v, tile, j);
      float factor = 1.0f;
      if constexpr (kNarrow)
        factor = v_factors_.by_row() ? factor_of(v_factors_, key + j) * per_value_ : 1.0f;
#pragma unroll
      for (int n = 0; n < Eights; ++n) {
        const float low = j < 8 ? s[0][2 * n] : s[1][2 * n], high = j < 8 ? s[0][2 * n + 1] : s[1][2 * n + 1];
        const bool sees = key + j >= rows_keys[n].begin && key + j < rows_keys[n].end;
        const float mine = sees ? (j % 2 == 0 ? low : high) * factor : kNegInf;
#pragma unroll
        for (int x = 0; x < 2; ++x) {  // lane j % 8 / 2 of row 2t + x has its weight
          const float weight = __shfl_sync(kAllLanes, mine, (2 * lane_t() + x) * 4 + j % 8 / 2);
          if (weight == kNegInf) continue;
#pragma unroll
          for (int part = 0; part < kParts; ++part) {
            const float first = to_float(row[Share::value_column(part, lane_g())]);
            const float second = to_float(row[Share::value_column(part + kParts, lane_g())]);
            o[part][n][x] = fmaf(weight, first, o[part][n][x]);
            o[part][n][x + 2] = fmaf(weight, second, o[part][n][x + 2]);
          }
        }
      }
    }
  }
  __device__ __forceinline__ static bool any_not_finite(const Lanes<4, Share::kValueWords>& v) {
    bool any = false;
#pragma unroll
    for (int a = 0; a < 4; ++a) {
#pragma unroll
      for (int n = 0; n < Share::kValueWords; ++n) any = any || not_finite<C>(v.row[a][n]);
    }
    return __any_sync(kAllLanes, any);
  }

  __device__ bool all_see_what_any_sees(int key) const {
    return max(key, some_see.begin) >= all_see.begin && min(key + kTileKeys, some_see.end) <= all_see.end;
  }

  __device__ void finish() {
#pragma unroll
    for (int n = 0; n < Eights; ++n) l[n] = sum_of_row(l[n]);
  }

 private:
  __device__ void load_queries(const AttentionParams& p, const Span& span, int sequence, int kv_head,
                               int first_row) {
#pragma unroll
    for (int n = 0; n < Eights; ++n) {
      const PackedRow row = packed_row(p, span, sequence, kv_head, first_row + 8 * n + lane_g());
      const bool reads = row.keys.begin < row.keys.end;
      const T* q = row.head.template queries<const T>(p.q) + row.i * p.q.row_stride;
      Four<T> numbers[kSteps];
      float largest = 0.0f;
#pragma unroll
      for (int step = 0; step < kSteps; ++step) {
        numbers[step] = {};
        if (reads) numbers[step] = *reinterpret_cast<const Four<T>*>(q + Share::key_column(step, lane_t()));
        if constexpr (!std::is_same_v<T, P>) {
#pragma unroll
          for (int x = 0; x < 4; ++x) largest = fmaxf(largest, fabsf(to_float(numbers[step].x[x])));
        }
      }
      float unit = 1.0f;
      if constexpr (!std::is_same_v<T, P>) {
        largest = fmaxf(largest, __shfl_xor_sync(kAllLanes, largest, 1));
        largest = fmaxf(largest, __shfl_xor_sync(kAllLanes, largest, 2));
        unit = power_of_two_of(largest);
      }
      const float per_unit = 1.0f / unit;
#pragma unroll
      for (int step = 0; step < kSteps; ++step) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          q_[step][n + 2 * half] = pair_of<P>(to_float(numbers[step].x[2 * half]) * per_unit,
                                              to_float(numbers[step].x[2 * half + 1]) * per_unit);
          if constexpr (Eights == 1) q_[step][1 + 2 * half] = kept_zero();
        }
      }
      scale_[n] = p.scale * kLog2e * unit;
    }
  }

  __device__ float factor_of(const Factors& factors, int key) const {
    return key < end_ ? factors.at(key) : 1.0f;
  }

  __device__ static int key_of(int half, int x) { return 8 * half + 2 * lane_t() + x; }
  __device__ __forceinline__ static float highest(const Scores& s, int n) {
    return fmaxf(fmaxf(s[0][2 * n], s[0][2 * n + 1]), fmaxf(s[1][2 * n], s[1][2 * n + 1]));
  }

  // To logits in powers of two; -inf where hidden.
  __device__ __forceinline__ void logits(const AttentionParams& p, int key, Scores& s) const {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
#pragma unroll
      for (int e = 0; e < 2 * Eights; ++e) s[half][e] *= scale_[e / 2];
    }
    if constexpr (kNarrow) {
      if (k_factors_.by_row()) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
#pragma unroll
          for (int x = 0; x < 2; ++x) {
            const float factor = factor_of(k_factors_, key + key_of(half, x));
#pragma unroll
            for (int n = 0; n < Eights; ++n) s[half][2 * n + x] *= factor;
          }
        }
      }
    }
    const bool bent = p.softcap != 0.0f || p.alibi_slopes != nullptr;
    if (!bent && key >= all_see.begin && key + kTileKeys <= all_see.end) return;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
#pragma unroll
      for (int e = 0; e < 2 * Eights; ++e) {
        const int n = e / 2, j = key + key_of(half, e % 2);
        if (p.softcap != 0.0f) s[half][e] = softcapped(p, s[half][e] * kLn2) * kLog2e;
        if (p.alibi_slopes != nullptr) s[half][e] -= slope_[n] * fabsf(static_cast<float>(diagonal_[n] - j));
        if (j < rows_keys[n].begin || j >= rows_keys[n].end) s[half][e] = kNegInf;
      }
    }
  }

  __device__ __forceinline__ void rescale(const Scores& s) {
#pragma unroll
    for (int n = 0; n < Eights; ++n) {
      const float most = fmaxf(m[n], max_of_row(highest(s, n)));
      const float factor = exp2_flushed(m[n] - exponent_base(most));
      m[n] = most;
      l[n] *= factor;
      float of_o[2];
      of_columns(factor, of_o);
#pragma unroll
      for (int part = 0; part < kParts; ++part) {
#pragma unroll
        for (int e = 0; e < 4; ++e) o[part][n][e] *= of_o[e % 2];
      }
    }
  }

  unsigned q_[kSteps][4];  // rows 8 to 15 are 0 where there are 8
  float scale_[Eights], slope_[Eights];
  int diagonal_[Eights];
  Factors k_factors_, v_factors_;
  float per_value_ = 1.0f;
  int end_ = 0;
};

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
