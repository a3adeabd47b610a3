// 05, MLA's absorbed decode: all query heads attend to one latent of 512 numbers and 64 rotated ones a token; the
// values are the latent itself.
//
// Paper:    DeepSeek-AI, "DeepSeek-V2" (2024), section 2.1.2: W_UK is absorbed by the query, W_UV by what follows.
// Idea:     a tile of 64 keys comes to shared memory once, for S^T = K Q^T and for O^T = V^T P^T, while the next one
//           is on its way. S is shared out among the 8 warps by keys and rows; of O each warp has 64 of the 512
//           columns, so P and the rows' largest logits go through shared memory.
// Traffic:  the cache once for every 16 or 64 rows (heads times tokens), Q once; the partial results of each split.
// Limits:   both operands of every product come from shared memory, whose bandwidth bounds 64 rows. One block on a
//           multiprocessor: its 8 warps wait for each other three times a tile.
#include "cuda/decode/05_mla.h"
#include "cuda/device/decode_launch.cuh"
#include "cuda/device/mla_tile.cuh"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

inline constexpr int kLatent = 576;
inline constexpr int kStaged =
    kMlaValueDim + 4;  // numbers from row to row of O; lanes then meet different banks

// Keys that one of the block's rows sees, and that all see that see any.
struct VisibleToRows {
  Keys some, all;
};
template <int Rows>
__device__ __forceinline__ VisibleToRows visible_to_rows(const Keys* keys) {
  Keys some{1 << 30, 0}, all{0, 1 << 30};
  for (int r = static_cast<int>(threadIdx.x) % 32; r < Rows; r += 32) {
    if (keys[r].begin >= keys[r].end) continue;
    some = {min(some.begin, keys[r].begin), max(some.end, keys[r].end)};
    all = {max(all.begin, keys[r].begin), min(all.end, keys[r].end)};
  }
#pragma unroll
  for (int distance = 1; distance < 32; distance *= 2) {
    some.begin = min(some.begin, __shfl_xor_sync(kAllLanes, some.begin, distance));
    some.end = max(some.end, __shfl_xor_sync(kAllLanes, some.end, distance));
    all.begin = max(all.begin, __shfl_xor_sync(kAllLanes, all.begin, distance));
    all.end = min(all.end, __shfl_xor_sync(kAllLanes, all.end, distance));
  }
  return {some, all};
}

// Rows of P V for one tile with NaN or infinities of which some rows see more than others: key by key.
template <class T, int Eights>
__device__ __forceinline__ void add_visible(const SharedTile<T, kLatent>& k,
                                            const SharedTile<T, kMlaKeys>& weights, const Keys* keys, int key,
                                            int first_column, float (&o)[4][Eights][4]) {
#pragma unroll 1
  for (int j = 0; j < kMlaKeys; ++j) {
#pragma unroll
    for (int n = 0; n < Eights; ++n) {
#pragma unroll
      for (int x = 0; x < 2; ++x) {
        const int r = 8 * n + 2 * lane_t() + x;
        if (key + j < keys[r].begin || key + j >= keys[r].end) continue;
        const float weight = to_float(*weights.at(r, j));
#pragma unroll
        for (int part = 0; part < 4; ++part) {
          const int column = first_column + 16 * part + lane_g();
          o[part][n][x] = fmaf(weight, to_float(*k.at(j, column)), o[part][n][x]);
          o[part][n][x + 2] = fmaf(weight, to_float(*k.at(j, column + 8)), o[part][n][x + 2]);
        }
      }
    }
  }
}

template <class T, int Eights>
__global__ void __launch_bounds__(32 * kMlaWarps, 1) mla_kernel(const AttentionParams p, const Span span) {
  constexpr int kRows = 8 * Eights, kOwn = Eights / 2;  // eights of rows whose scores a warp computes
  const int split = static_cast<int>(blockIdx.x) % span.splits, sequence = static_cast<int>(blockIdx.z);
  const int first_row = static_cast<int>(blockIdx.x) / span.splits * kRows;
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int g = lane_g(), t = lane_t();
  const int sixteen = warp % 4, own = warp / 4 * kOwn;  // its keys of a tile, and its rows
  const int first_column = warp * 64;                   // of O

  extern __shared__ float4 shared_memory[];
  T* room = reinterpret_cast<T*>(shared_memory);
  const SharedTile<T, kLatent> queries{room + 2 * kMlaKeys * kLatent};
  const SharedTile<T, kMlaKeys> weights{queries.data + kRows * kLatent};
  Keys* keys = reinterpret_cast<Keys*>(weights.data + kRows * kMlaKeys);  // [kRows], as what follows
  float* largest = reinterpret_cast<float*>(keys + kRows);  // [4][kRows], of each 16 keys; at the end sums
  float *m = largest + 4 * kRows, *base = m + kRows, *factor = base + kRows;

  // Q; rows that do not exist are 0.
  for (int r = warp; r < kRows; r += kMlaWarps) {
    const PackedRow row = packed_row(p, span, sequence, 0, first_row + r);
    const bool reads = row.keys.begin < row.keys.end;
    const T* q = row.head.template queries<const T>(p.q) + row.i * p.q.row_stride;
    for (int n = lane; n < kLatent / 8; n += 32)
      copy_async<16>(queries.piece(r, n), reads ? q + 8 * n : static_cast<const T*>(p.q.data), reads);
  }
  end_of_copies();

  if (const int r = static_cast<int>(threadIdx.x); r < kRows) {
    keys[r] = packed_row(p, span, sequence, 0, first_row + r).keys;
    m[r] = kNegInf;
  }
  __syncthreads();
  const VisibleToRows visible = visible_to_rows<kRows>(keys);

  float l[kOwn][2], o[4][Eights][4];
#pragma unroll
  for (int n = 0; n < kOwn; ++n) l[n][0] = l[n][1] = 0.0f;
#pragma unroll
  for (int part = 0; part < 4; ++part) {
#pragma unroll
    for (int n = 0; n < Eights; ++n) o[part][n][0] = o[part][n][1] = o[part][n][2] = o[part][n][3] = 0.0f;
  }

  const Head head = head_of(p, sequence, 0);
  const Pages pages = pages_of(p, head);
  const Side<T> side = side_of<T>(p, p.k, head);
  const Keys seen = visible.some;
  const int first = seen.begin / kMlaKeys;
  const int count = seen.begin < seen.end ? blocks_of(kMlaKeys, seen.end) - first : 0;
  const int of_split = blocks_of(span.splits, count);
  const int from = first + split * of_split, past = min(from + of_split, first + count);
  const float scale = p.scale * kLog2e;

  if (from < past)
    copy_keys<kMlaKeys, kMlaWarps>(SharedTile<T, kLatent>{room + from % 2 * kMlaKeys * kLatent}, side, pages,
                                   from * kMlaKeys, seen);
  end_of_copies();
#pragma unroll 1
  for (int n_tile = from; n_tile < past; ++n_tile) {
    const int key = n_tile * kMlaKeys;
    const int turn = n_tile % 2;
    const SharedTile<T, kLatent> k{room + turn * kMlaKeys * kLatent},
        next{room + (1 - turn) * kMlaKeys * kLatent};
    if (n_tile + 1 < past) copy_keys<kMlaKeys, kMlaWarps>(next, side, pages, key + kMlaKeys, seen);
    end_of_copies();
    arrived<1>();
    __syncthreads();  // the tile is there for all

    float s[kOwn][4];
#pragma unroll
    for (int n = 0; n < kOwn; ++n) s[n][0] = s[n][1] = s[n][2] = s[n][3] = 0.0f;
#pragma unroll Eights == 2 ? 4 : 2
    for (int step = 0; step < kLatent / 16; ++step) {
      unsigned a[4];
      k.load_a(a, 16 * sixteen, 16 * step);
      if constexpr (kOwn == 1) {
        unsigned b[4];  // both eights: the other one is another warp's
        queries.load_two_b(b, 0, 16 * step);
        multiply_add<T>(s[0], a, own == 0 ? b[0] : b[2], own == 0 ? b[1] : b[3]);
      } else {
#pragma unroll
        for (int n = 0; n < kOwn; n += 2) {
          unsigned b[4];
          queries.load_two_b(b, 8 * (own + n), 16 * step);
          multiply_add<T>(s[n], a, b[0], b[1]);
          multiply_add<T>(s[n + 1], a, b[2], b[3]);
        }
      }
    }

    const bool all_see =
        max(key, seen.begin) >= visible.all.begin && min(key + kMlaKeys, seen.end) <= visible.all.end;
#pragma unroll
    for (int n = 0; n < kOwn; ++n) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const int j = key + 16 * sixteen + g + e / 2 * 8;
        const Keys row_keys = all_see ? seen : keys[8 * (own + n) + 2 * t + e % 2];
        s[n][e] = j >= row_keys.begin && j < row_keys.end ? s[n][e] * scale : kNegInf;
      }
#pragma unroll
      for (int x = 0; x < 2; ++x) {
        const float most = max_over_keys(fmaxf(s[n][x], s[n][x + 2]));
        if (g == 0) largest[sixteen * kRows + 8 * (own + n) + 2 * t + x] = most;
      }
    }
    __syncthreads();  // the largest logits are there

    if (const int r = static_cast<int>(threadIdx.x); r < kRows) {
      const float most = fmaxf(
          fmaxf(fmaxf(largest[r], largest[kRows + r]), fmaxf(largest[2 * kRows + r], largest[3 * kRows + r])),
          m[r]);
      base[r] = exponent_base(most);
      factor[r] = exp2_flushed(m[r] - base[r]);
      m[r] = most;
    }
    __syncthreads();  // the rows' new bases are there

#pragma unroll
    for (int n = 0; n < Eights; ++n) {
      const float2 of_rows = *reinterpret_cast<const float2*>(factor + 8 * n + 2 * t);
#pragma unroll
      for (int part = 0; part < 4; ++part) {
        o[part][n][0] *= of_rows.x, o[part][n][2] *= of_rows.x;
        o[part][n][1] *= of_rows.y, o[part][n][3] *= of_rows.y;
      }
    }
#pragma unroll
    for (int n = 0; n < kOwn; ++n) {
#pragma unroll
      for (int x = 0; x < 2; ++x) {
        const int r = 8 * (own + n) + 2 * t + x;
        s[n][x] = exp2_flushed(s[n][x] - base[r]), s[n][x + 2] = exp2_flushed(s[n][x + 2] - base[r]);
        l[n][x] = l[n][x] * factor[r] + s[n][x] + s[n][x + 2];
      }
    }
#pragma unroll
    for (int n = 0; n < kOwn; ++n) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const unsigned pair = transpose(pair_of<T>(s[n][2 * half], s[n][2 * half + 1]));
        *reinterpret_cast<unsigned*>(weights.at(8 * (own + n) + g, 16 * sixteen + 8 * half + 2 * t)) = pair;
      }
    }
    __syncthreads();  // P is there

    bool finite = true;
    if (!all_see) {
      for (int n = lane; n < kMlaKeys * 8; n += 32) {
        const uint4 x = *reinterpret_cast<const uint4*>(k.piece(n / 8, first_column / 8 + n % 8));
        if (not_finite<T>(x.x) || not_finite<T>(x.y) || not_finite<T>(x.z) || not_finite<T>(x.w))
          finite = false;
      }
      finite = __all_sync(kAllLanes, finite);
    }
    if (!finite) {
      add_visible<T, Eights>(k, weights, keys, key, first_column, o);
    } else {
#pragma unroll
      for (int step = 0; step < kMlaKeys / 16; ++step) {
        unsigned b[Eights / 2][4];
#pragma unroll
        for (int n = 0; n < Eights / 2; ++n) weights.load_two_b(b[n], 16 * n, 16 * step);
#pragma unroll
        for (int part = 0; part < 4; ++part) {
          unsigned a[4];
          k.load_a_transposed(a, 16 * step, first_column + 16 * part);
#pragma unroll
          for (int n = 0; n < Eights / 2; ++n) {
            multiply_add<T>(o[part][2 * n], a, b[n][0], b[n][1]);
            multiply_add<T>(o[part][2 * n + 1], a, b[n][2], b[n][3]);
          }
        }
      }
    }
    __syncthreads();  // the tile and P are done with
  }
  arrived<0>();

#pragma unroll
  for (int n = 0; n < kOwn; ++n) {
#pragma unroll
    for (int x = 0; x < 2; ++x) {
      const float sum = sum_over_keys(l[n][x]);
      if (g == 0) largest[sixteen * kRows + 8 * (own + n) + 2 * t + x] = sum;
    }
  }
  __syncthreads();
  // The tiles' room becomes O's: rows come to be written whole.
  float* staged = reinterpret_cast<float*>(room);
#pragma unroll
  for (int n = 0; n < Eights; ++n) {
#pragma unroll
    for (int part = 0; part < 4; ++part) {
#pragma unroll
      for (int e = 0; e < 4; ++e)
        staged[(8 * n + 2 * t + e % 2) * kStaged + first_column + 16 * part + e / 2 * 8 + g] = o[part][n][e];
    }
  }
  __syncthreads();
#pragma unroll 1
  for (int r = warp; r < kRows; r += kMlaWarps) {
    const PackedRow row = packed_row(p, span, sequence, 0, first_row + r);
    if (!row.exists) continue;
    const bool sees = row.keys.begin < row.keys.end, last = span.all_splits == 1;
    const float sum = largest[r] + largest[kRows + r] + largest[2 * kRows + r] + largest[3 * kRows + r];
    const float row_l = sees ? sum : 0.0f, row_m = sees ? m[r] : kNegInf, norm = reciprocal_or_zero(row_l);
    const std::int64_t at = row.index(p) * span.all_splits + split;
    if (lane == 0) {
      if (last) {
        store_lse(p, row.head, row.i, row_m, row_l);
      } else {
        span.partials.ml[at] = make_float2(row_m, row_l);
      }
    }
    T* to = o_row<T>(p, row.head, row.i);
    for (int column = lane; column < kMlaValueDim; column += 32) {
      const float value = staged[r * kStaged + column];
      if (last) {
        to[column] = from_float<T>(row_l == 0.0f ? 0.0f : value * norm);
      } else {
        span.partials.o[at * kMlaValueDim + column] = value;
      }
    }
  }
}

void mla_05(const AttentionParams& p, void* on_stream) {
  const auto stream = static_cast<cudaStream_t>(on_stream);
  if (p.v.data != p.k.data || p.value_dim() != kMlaValueDim || p.heads_kv != 1)
    throw InvalidArgument("v", "a tensor of its own", "the first 512 columns of k, of one KV head");
  const Span span = whole_span(p, mla_splits(p));
  for_type<kMla>(p.type, [&]<class T>() {
    require_aligned<T>("k", p.k), require_aligned<T>("q", p.q);
    const int rows = mla_rows(p);
    const auto kernel = rows == 16 ? mla_kernel<T, 2> : mla_kernel<T, 8>;
    const std::size_t bytes = mla_bytes(rows);
    ATTNLAB_CUDA_CHECK(
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)));
    kernel<<<grouped_grid(p, span, rows), 32 * kMlaWarps, bytes, stream>>>(p, span);
    ATTNLAB_CUDA_LAUNCHED("mla_kernel");
    if (span.splits > 1) launch_combine<T>(p, span, stream);
  });
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
