// 05, MLA's absorbed decode: all query heads attend to one latent of 512 numbers and 64 rotated ones a token; the
// values are the latent itself.
//
// Paper:    DeepSeek-AI, "DeepSeek-V2" (2024), section 2.1.2: W_UK is absorbed by the query, W_UV by what follows.
// Idea:     a tile of 32 keys comes to shared memory once, for S = Q K^T and for O^T = V^T P^T, while the next one is
//           on its way. The 576 columns of the first product are cut into four, so that the 8 warps have large tiles of
//           S and short sums, which the rows' threads add up; of O each warp has 64 of the 512 columns.
// Traffic:  the cache once for every 16 or 64 rows (heads times tokens), Q once; the partial results of each split.
// Limits:   both operands of every product come from shared memory, whose bandwidth bounds 64 rows. With 16 rows two
//           blocks fit a multiprocessor and fill each other's waits; with 64 the 8 warps wait for each other.
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
                                            const SharedTile<T, kWeightColumns>& weights, const Keys* keys,
                                            int key, int first_column, float (&o)[4][Eights][4]) {
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

// Of S, what each quarter of the columns adds: [kQuarters][Rows][kScoreStride].
inline constexpr int kQuarters = 4, kStepsOfQuarter = kLatent / 16 / kQuarters;  // of every 64 columns, 16
inline constexpr int kScoreStride = kMlaKeys + 8;  // lanes of 4 rows then meet different banks

// One warp's part of S for a quarter of the columns: with 16 rows all of them and 16 keys, with 64 rows 32 and 32.
template <class T, int Rows>
__device__ __forceinline__ void score_quarter(const SharedTile<T, kLatent>& queries,
                                              const SharedTile<T, kLatent>& k, int warp, float* scores) {
  constexpr int kRowSixteens = Rows == 16 ? 1 : 2, kKeySixteens = Rows == 16 ? 1 : 2;
  const int quarter = warp % kQuarters, half = warp / kQuarters;
  const int row = Rows == 16 ? 0 : 32 * half, key = Rows == 16 ? 16 * half : 0;
  float s[kRowSixteens][2 * kKeySixteens][4];
#pragma unroll
  for (int i = 0; i < kRowSixteens; ++i) {
#pragma unroll
    for (int j = 0; j < 2 * kKeySixteens; ++j) s[i][j][0] = s[i][j][1] = s[i][j][2] = s[i][j][3] = 0.0f;
  }
  const T *of_q[kRowSixteens], *of_k[kKeySixteens];
#pragma unroll
  for (int i = 0; i < kRowSixteens; ++i) of_q[i] = queries.of_a(row + 16 * i, 2 * quarter);
#pragma unroll
  for (int j = 0; j < kKeySixteens; ++j) of_k[j] = k.of_two_b(key + 16 * j, 2 * quarter);
#pragma unroll
  for (int step = 0; step < kStepsOfQuarter; ++step) {
    unsigned a[kRowSixteens][4], b[kKeySixteens][4];
#pragma unroll
    for (int i = 0; i < kRowSixteens; ++i) load_matrices<false>(a[i], of_q[i] + 64 * step);
#pragma unroll
    for (int j = 0; j < kKeySixteens; ++j) load_matrices<false>(b[j], of_k[j] + 64 * step);
#pragma unroll
    for (int i = 0; i < kRowSixteens; ++i) {
#pragma unroll
      for (int j = 0; j < kKeySixteens; ++j) {
        multiply_add<T>(s[i][2 * j], a[i], b[j][0], b[j][1]);
        multiply_add<T>(s[i][2 * j + 1], a[i], b[j][2], b[j][3]);
      }
    }
  }
#pragma unroll
  for (int i = 0; i < kRowSixteens; ++i) {
#pragma unroll
    for (int j = 0; j < 2 * kKeySixteens; ++j) {
#pragma unroll
      for (int low = 0; low < 2; ++low) {
        float* to = scores + (quarter * Rows + row + 16 * i + 8 * low + lane_g()) * kScoreStride;
        *reinterpret_cast<float2*>(to + key + 8 * j + 2 * lane_t()) =
            make_float2(s[i][j][2 * low], s[i][j][2 * low + 1]);
      }
    }
  }
}

// A row's softmax over the tiles, by the threads that share the row.
template <class T, int Rows>
struct RowOfScores {
  static constexpr int kSharers = 32 * kMlaWarps / Rows, kOwn = kMlaKeys / kSharers;  // keys of a thread
  static constexpr int kTogether = kOwn < 4 ? kOwn : 4;  // that follow one another
  int row, sharer;
  Keys keys;
  float m = kNegInf, l = 0.0f;  // l: of this thread's keys

  __device__ int key_of(int n) const { return (n / kTogether * kSharers + sharer) * kTogether; }

  // Leaves the weights of its keys, and what O is to be multiplied by first.
  __device__ __forceinline__ void take(const float* scores, int key, float scale,
                                       const SharedTile<T, kWeightColumns>& weights, float* factors) {
    float x[kOwn], most = m;
#pragma unroll
    for (int n = 0; n < kOwn; n += kTogether) {
      Piece<kTogether> part[kQuarters];
#pragma unroll
      for (int quarter = 0; quarter < kQuarters; ++quarter)
        part[quarter] = *reinterpret_cast<const Piece<kTogether>*>(
            scores + (quarter * Rows + row) * kScoreStride + key_of(n));
#pragma unroll
      for (int i = 0; i < kTogether; ++i) {
        const float sum = (__uint_as_float(part[0].word[i]) + __uint_as_float(part[1].word[i])) +
                          (__uint_as_float(part[2].word[i]) + __uint_as_float(part[3].word[i]));
        const int j = key + key_of(n) + i;
        x[n + i] = j >= keys.begin && j < keys.end ? sum * scale : kNegInf;
        most = fmaxf(most, x[n + i]);
      }
    }
#pragma unroll
    for (int distance = 1; distance < kSharers; distance *= 2)
      most = fmaxf(most, __shfl_xor_sync(kAllLanes, most, distance));
    const float base = exponent_base(most), factor = exp2_flushed(m - base);
    m = most, l *= factor;
#pragma unroll
    for (int n = 0; n < kOwn; ++n) l += x[n] = exp2_flushed(x[n] - base);
#pragma unroll
    for (int n = 0; n < kOwn; n += kTogether) {
      Piece<kTogether / 2> pairs;
#pragma unroll
      for (int i = 0; i < kTogether; i += 2) pairs.word[i / 2] = pair_of<T>(x[n + i], x[n + i + 1]);
      *reinterpret_cast<Piece<kTogether / 2>*>(weights.at(row, key_of(n))) = pairs;
    }
    if (sharer == 0) factors[row] = factor;
  }
  __device__ __forceinline__ float sum() const {
    float all = l;
#pragma unroll
    for (int distance = 1; distance < kSharers; distance *= 2)
      all += __shfl_xor_sync(kAllLanes, all, distance);
    return all;
  }
};

template <class T, int Rows>
__global__ void __launch_bounds__(32 * kMlaWarps, Rows == 16 ? 2 : 1)
    mla_kernel(const AttentionParams p, const Span span) {
  constexpr int kEights = Rows / 8;
  const int split = static_cast<int>(blockIdx.x) % span.splits, sequence = static_cast<int>(blockIdx.z);
  const int first_row = static_cast<int>(blockIdx.x) / span.splits * Rows;
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int g = lane_g(), t = lane_t();
  const int first_column = warp * 64;  // of O

  extern __shared__ float4 shared_memory[];
  T* room = reinterpret_cast<T*>(shared_memory);
  const SharedTile<T, kLatent> queries{room + 2 * kMlaKeys * kLatent};
  const SharedTile<T, kWeightColumns> weights{queries.data + Rows * kLatent};
  auto* scores = reinterpret_cast<float*>(weights.data + Rows * kWeightColumns);
  auto* keys = reinterpret_cast<Keys*>(scores + kQuarters * Rows * kScoreStride);  // [Rows], as what follows
  float *factors = reinterpret_cast<float*>(keys + Rows), *sums = factors + Rows, *maxima = sums + Rows;

  // Q; rows that do not exist are 0.
  for (int r = warp; r < Rows; r += kMlaWarps) {
    const PackedRow row = packed_row(p, span, sequence, 0, first_row + r);
    const bool reads = row.keys.begin < row.keys.end;
    const T* q = row.head.template queries<const T>(p.q) + row.i * p.q.row_stride;
    for (int n = lane; n < kLatent / 8; n += 32)
      copy_async<16>(queries.piece(r, n), reads ? q + 8 * n : static_cast<const T*>(p.q.data), reads);
  }
  end_of_copies();

  if (const int r = static_cast<int>(threadIdx.x); r < Rows)
    keys[r] = packed_row(p, span, sequence, 0, first_row + r).keys;
  __syncthreads();
  const VisibleToRows visible = visible_to_rows<Rows>(keys);
  RowOfScores<T, Rows> own;
  own.row = static_cast<int>(threadIdx.x) / own.kSharers;
  own.sharer = static_cast<int>(threadIdx.x) % own.kSharers;
  own.keys = keys[own.row];

  float o[4][kEights][4];
#pragma unroll
  for (int part = 0; part < 4; ++part) {
#pragma unroll
    for (int n = 0; n < kEights; ++n) o[part][n][0] = o[part][n][1] = o[part][n][2] = o[part][n][3] = 0.0f;
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
  const auto tile = [&](int n) { return SharedTile<T, kLatent>{room + n % 2 * kMlaKeys * kLatent}; };

  if (from < past) copy_keys<kMlaKeys, kMlaWarps>(tile(from), side, pages, from * kMlaKeys, seen);
  end_of_copies();
#pragma unroll 1
  for (int n_tile = from; n_tile < past; ++n_tile) {
    const int key = n_tile * kMlaKeys;
    const SharedTile<T, kLatent> k = tile(n_tile);
    arrived<0>();
    __syncthreads();  // the tile is there for all, and the last one is done with
    if (n_tile + 1 < past)
      copy_keys<kMlaKeys, kMlaWarps>(tile(n_tile + 1), side, pages, key + kMlaKeys, seen);
    end_of_copies();

    score_quarter<T, Rows>(queries, k, warp, scores);
    __syncthreads();  // S is there
    own.take(scores, key, scale, weights, factors);
    __syncthreads();  // P is there, and what O is to be multiplied by

    bool changed = false;
#pragma unroll
    for (int r = 0; r < Rows; r += 32) changed = changed || factors[(r + lane) % Rows] != 1.0f;
    if (__any_sync(kAllLanes, changed)) {
#pragma unroll
      for (int n = 0; n < kEights; ++n) {
        const float2 of_rows = *reinterpret_cast<const float2*>(factors + 8 * n + 2 * t);
#pragma unroll
        for (int part = 0; part < 4; ++part) {
          o[part][n][0] *= of_rows.x, o[part][n][2] *= of_rows.x;
          o[part][n][1] *= of_rows.y, o[part][n][3] *= of_rows.y;
        }
      }
    }

    const bool all_see =
        max(key, seen.begin) >= visible.all.begin && min(key + kMlaKeys, seen.end) <= visible.all.end;
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
      add_visible<T, kEights>(k, weights, keys, key, first_column, o);
      continue;
    }
    const T *of_v[4], *of_p[kMlaKeys / 16];
#pragma unroll
    for (int part = 0; part < 4; ++part) of_v[part] = k.of_two_b(0, first_column / 8 + 2 * part);
#pragma unroll
    for (int step = 0; step < kMlaKeys / 16; ++step) of_p[step] = weights.of_two_b(0, 2 * step);
#pragma unroll
    for (int step = 0; step < kMlaKeys / 16; ++step) {
      unsigned b[kEights / 2][4];
#pragma unroll
      for (int n = 0; n < kEights / 2; ++n) load_matrices<false>(b[n], of_p[step] + 16 * n * kWeightColumns);
#pragma unroll
      for (int part = 0; part < 4; ++part) {
        unsigned a[4];  // V^T: rows of the tile, transposed
        load_matrices<true>(a, of_v[part] + 16 * step * kLatent);
#pragma unroll
        for (int n = 0; n < kEights / 2; ++n) {
          multiply_add<T>(o[part][2 * n], a, b[n][0], b[n][1]);
          multiply_add<T>(o[part][2 * n + 1], a, b[n][2], b[n][3]);
        }
      }
    }
  }
  arrived<0>();
  if (const float sum = own.sum(); own.sharer == 0) sums[own.row] = sum, maxima[own.row] = own.m;
  __syncthreads();
  // The tiles' room becomes O's, 16 rows at a time: rows come to be written whole.
  float* staged = reinterpret_cast<float*>(room);
#pragma unroll
  for (int sixteen = 0; sixteen < Rows / 16; ++sixteen) {
#pragma unroll
    for (int n = 0; n < 2; ++n) {
#pragma unroll
      for (int part = 0; part < 4; ++part) {
#pragma unroll
        for (int e = 0; e < 4; ++e)
          staged[(8 * n + 2 * t + e % 2) * kStaged + first_column + 16 * part + e / 2 * 8 + g] =
              o[part][2 * sixteen + n][e];
      }
    }
    __syncthreads();
#pragma unroll 1
    for (int r = warp; r < 16; r += kMlaWarps) {
      const int r_all = 16 * sixteen + r;
      const PackedRow row = packed_row(p, span, sequence, 0, first_row + r_all);
      if (!row.exists) continue;
      const bool sees = row.keys.begin < row.keys.end, last = span.all_splits == 1;
      const float row_l = sees ? sums[r_all] : 0.0f, row_m = sees ? maxima[r_all] : kNegInf;
      const float norm = reciprocal_or_zero(row_l);
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
    __syncthreads();
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
    const auto kernel = rows == 16 ? mla_kernel<T, 16> : mla_kernel<T, 64>;
    const std::size_t bytes = mla_bytes(rows);
    ATTNLAB_CUDA_CHECK(
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)));
    kernel<<<grouped_grid(p, span, rows), 32 * kMlaWarps, bytes, stream>>>(p, span);
    ATTNLAB_CUDA_LAUNCHED("mla_kernel");
    if (span.splits > 1) launch_combine<T>(p, span, stream);
  });
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
