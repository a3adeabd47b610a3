// What one warp of a grouped decode kernel does with its tiles of 16 keys: S^T = K Q^T and O^T = V^T P^T, so that keys and
// columns of V fill the 16 rows of a matrix instruction and the packed rows its 8 columns.
#pragma once

#include "cuda/device/decode_arrival.cuh"
#include "cuda/device/decode_partials.cuh"
#include "cuda/device/score.cuh"
#include "cuda/device/warp.cuh"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

// The maximum over the 8 lanes with the same t.
__device__ __forceinline__ float max_over_keys(float x) {
#pragma unroll
  for (int distance = 4; distance < 32; distance *= 2) x = fmaxf(x, __shfl_xor_sync(kAllLanes, x, distance));
  return x;
}
__device__ __forceinline__ float sum_over_keys(float x) {
#pragma unroll
  for (int distance = 4; distance < 32; distance *= 2) x += __shfl_xor_sync(kAllLanes, x, distance);
  return x;
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

  float m[Eights][2], l[Eights][2];  // of rows 8n + 2t and 8n + 2t + 1; l of this lane's keys
  float o[kParts][Eights][4];  // columns value_column(part) and value_column(part + kParts) of those rows
  Keys rows_keys[Eights][2];
  Keys all_see, some_see;     // keys that all rows of the block see that see any, and that one of them sees
  float value_factor = 1.0f;  // what O is to be multiplied by

  __device__ DecodeTile(const AttentionParams& p, const Span& span, int sequence, int kv_head,
                        int first_row) {
    load_queries(p, span, sequence, kv_head, first_row);
    int begin = 1 << 30, end = 0, last_begin = 0, first_end = 1 << 30;
#pragma unroll
    for (int n = 0; n < Eights; ++n) {
#pragma unroll
      for (int x = 0; x < 2; ++x) {
        const PackedRow row = packed_row(p, span, sequence, kv_head, first_row + 8 * n + 2 * lane_t() + x);
        const Keys keys = row.keys;
        rows_keys[n][x] = keys;
        m[n][x] = kNegInf, l[n][x] = 0.0f;
        if (p.alibi_slopes != nullptr) slope_[n][x] = row.head.alibi_slope * kLog2e;
        diagonal_[n][x] = row.i + row.head.band.offset();
        if (keys.begin >= keys.end) continue;
        begin = min(begin, keys.begin), end = max(end, keys.end);
        last_begin = max(last_begin, keys.begin), first_end = min(first_end, keys.end);
      }
    }
#pragma unroll
    for (int distance = 1; distance < 4; distance *= 2) {
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
        for (int n = 0; n < Eights; ++n) scale_[n][0] *= factor, scale_[n][1] *= factor;
      }
      // Weights are rounded to fp16 after they took the row's factor: relative to the first one's, which is of their size.
      if (keys.begin < keys.end) value_factor = v_factors_.at(keys.begin);
      per_value_ = value_factor == 0.0f || !isfinite(value_factor) ? 1.0f : 1.0f / value_factor;
      if (v_factors_.by_row() && (value_factor == 0.0f || !isfinite(value_factor))) value_factor = 1.0f;
      end_ = keys.end;
    }
  }

  __device__ __forceinline__ void scores(const Lanes<2, Share::kKeyWords>& k, float (&s)[Eights][4]) const {
#pragma unroll
    for (int n = 0; n < Eights; ++n) s[n][0] = s[n][1] = s[n][2] = s[n][3] = 0.0f;
#pragma unroll
    for (int step = 0; step < kSteps; ++step) {
      unsigned a[4];
      key_pairs<C>(k.row[0], step, a[0], a[2]);
      key_pairs<C>(k.row[1], step, a[1], a[3]);
#pragma unroll
      for (int n = 0; n < Eights; ++n) multiply_add<P>(s[n], a, q_[step][n][0], q_[step][n][1]);
    }
  }

  // From products to weights, which become the second product's operand.
  __device__ __forceinline__ void weights(const AttentionParams& p, int key, float (&s)[Eights][4],
                                          unsigned (&b)[Eights][2]) {
    logits(p, key, s);
    float most[Eights][2];
    bool higher = false;
#pragma unroll
    for (int n = 0; n < Eights; ++n) {
#pragma unroll
      for (int x = 0; x < 2; ++x) {
        most[n][x] = fmaxf(m[n][x], max_over_keys(fmaxf(s[n][x], s[n][x + 2])));
        higher = higher || most[n][x] > m[n][x];
      }
    }
    if (__any_sync(kAllLanes, higher)) rescale(most);
    float v_factor[2] = {1.0f, 1.0f};
    if constexpr (kNarrow) {
      if (v_factors_.by_row()) {
        v_factor[0] = factor_of(v_factors_, key + lane_g()) * per_value_;
        v_factor[1] = factor_of(v_factors_, key + lane_g() + 8) * per_value_;
      }
    }
#pragma unroll
    for (int n = 0; n < Eights; ++n) {
      const float base[2] = {exponent_base(m[n][0]), exponent_base(m[n][1])};
#pragma unroll
      for (int e = 0; e < 4; ++e) s[n][e] = exp2_flushed(s[n][e] - base[e % 2]);
      l[n][0] += s[n][0] + s[n][2], l[n][1] += s[n][1] + s[n][3];
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        b[n][half] =
            transpose(pair_of<P>(s[n][2 * half] * v_factor[half], s[n][2 * half + 1] * v_factor[half]));
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
  __device__ __forceinline__ void accumulate_visible(const Tiles16<C>& tiles, int key,
                                                     const float (&s)[Eights][4]) {
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
#pragma unroll
        for (int x = 0; x < 2; ++x) {
          const float weight =
              __shfl_sync(kAllLanes, j < 8 ? s[n][x] : s[n][x + 2], j % 8 * 4 + lane_t()) * factor;
          if (key + j < rows_keys[n][x].begin || key + j >= rows_keys[n][x].end) continue;
#pragma unroll
          for (int part = 0; part < kParts; ++part) {
            const float low = to_float(row[Share::value_column(part, lane_g())]);
            const float high = to_float(row[Share::value_column(part + kParts, lane_g())]);
            o[part][n][x] = fmaf(weight, low, o[part][n][x]);
            o[part][n][x + 2] = fmaf(weight, high, o[part][n][x + 2]);
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
    for (int n = 0; n < Eights; ++n) l[n][0] = sum_over_keys(l[n][0]), l[n][1] = sum_over_keys(l[n][1]);
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
          q_[step][n][half] = pair_of<P>(to_float(numbers[step].x[2 * half]) * per_unit,
                                         to_float(numbers[step].x[2 * half + 1]) * per_unit);
        }
      }
#pragma unroll
      for (int x = 0; x < 2; ++x)
        scale_[n][x] = p.scale * kLog2e * __shfl_sync(kAllLanes, unit, (2 * lane_t() + x) * 4);
    }
  }

  __device__ float factor_of(const Factors& factors, int key) const {
    return key < end_ ? factors.at(key) : 1.0f;
  }

  // To logits in powers of two; -inf where hidden.
  __device__ __forceinline__ void logits(const AttentionParams& p, int key, float (&s)[Eights][4]) const {
#pragma unroll
    for (int n = 0; n < Eights; ++n) {
#pragma unroll
      for (int e = 0; e < 4; ++e) s[n][e] *= scale_[n][e % 2];
    }
    if constexpr (kNarrow) {
      if (k_factors_.by_row()) {
        const float factor[2] = {factor_of(k_factors_, key + lane_g()),
                                 factor_of(k_factors_, key + lane_g() + 8)};
#pragma unroll
        for (int n = 0; n < Eights; ++n) {
#pragma unroll
          for (int e = 0; e < 4; ++e) s[n][e] *= factor[e / 2];
        }
      }
    }
    const bool bent = p.softcap != 0.0f || p.alibi_slopes != nullptr;
    if (!bent && key >= all_see.begin && key + kTileKeys <= all_see.end) return;
#pragma unroll
    for (int n = 0; n < Eights; ++n) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const int j = key + lane_g() + e / 2 * 8;
        if (p.softcap != 0.0f) s[n][e] = softcapped(p, s[n][e] * kLn2) * kLog2e;
        if (p.alibi_slopes != nullptr)
          s[n][e] -= slope_[n][e % 2] * fabsf(static_cast<float>(diagonal_[n][e % 2] - j));
        const Keys keys = rows_keys[n][e % 2];
        if (j < keys.begin || j >= keys.end) s[n][e] = kNegInf;
      }
    }
  }

  __device__ __forceinline__ void rescale(const float (&most)[Eights][2]) {
#pragma unroll
    for (int n = 0; n < Eights; ++n) {
#pragma unroll
      for (int x = 0; x < 2; ++x) {
        const float factor = exp2_flushed(m[n][x] - exponent_base(most[n][x]));
        m[n][x] = most[n][x];
        l[n][x] *= factor;
#pragma unroll
        for (int part = 0; part < kParts; ++part) o[part][n][x] *= factor, o[part][n][x + 2] *= factor;
      }
    }
  }

  unsigned q_[kSteps][Eights][2];
  float scale_[Eights][2], slope_[Eights][2];
  int diagonal_[Eights][2];
  Factors k_factors_, v_factors_;
  float per_value_ = 1.0f;
  int end_ = 0;
};

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
