// The grouped decode kernel, for any way in which keys arrive: a block has some packed rows of one KV head and a split
// of the keys; its warps take the split's tiles in turn, each with m, l and O of its own, and merge them at the end.
#pragma once

#include "cuda/device/decode_tile.cuh"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

inline constexpr int kDecodeWarps = 4;

// Results of the block's warps in shared memory. Column x * 8 + g of O is number x of lanes g.
template <int Rows, int Dv>
struct MergeRoom {
  static constexpr int kStride = Dv + 4;  // lanes then meet different banks
  float m[kDecodeWarps][Rows], l[kDecodeWarps][Rows];
  float o[kDecodeWarps][Rows][kStride];
};

// Merges the warps, and writes the rows' results: as they are, or as those of one split.
template <class T, class C, int D, int Dv, int Eights>
__device__ void merge_warps(const AttentionParams& p, const Span& span, int split, int kv_head, int first_row,
                            const DecodeTile<T, C, D, Dv, Eights>& tile, void* shared) {
  constexpr int kRows = 8 * Eights, kParts = Dv / 16, kThreads = 32 * kDecodeWarps;
  using Room = MergeRoom<kRows, Dv>;
  Room& room = *static_cast<Room*>(shared);
  const int warp = static_cast<int>(threadIdx.x) / 32, g = lane_g(), t = lane_t();
  if (t == 0) {
#pragma unroll
    for (int n = 0; n < Eights; ++n) room.m[warp][8 * n + g] = tile.m[n], room.l[warp][8 * n + g] = tile.l[n];
  }
#pragma unroll
  for (int part = 0; part < kParts; ++part) {
#pragma unroll
    for (int n = 0; n < Eights; ++n) {
#pragma unroll
      for (int e = 0; e < 4; ++e)
        room.o[warp][8 * n + 2 * t + e % 2][(part + e / 2 * kParts) * 8 + g] = tile.o[part][n][e];
    }
  }
  __syncthreads();
  // A group of kThreads / kRows threads for each row.
  constexpr int kSharers = kThreads / kRows;
  const int r = static_cast<int>(threadIdx.x) / kSharers, sharer = static_cast<int>(threadIdx.x) % kSharers;
  const PackedRow row = packed_row(p, span, static_cast<int>(blockIdx.z), kv_head, first_row + r);
  if (!row.exists) return;
  const bool sees = row.keys.begin < row.keys.end;  // a row that sees none was computed as if it saw all
  float m = kNegInf, l = 0.0f, factor[kDecodeWarps];
#pragma unroll
  for (int w = 0; w < kDecodeWarps; ++w) m = fmaxf(m, room.m[w][r]);
#pragma unroll
  for (int w = 0; w < kDecodeWarps; ++w) {
    factor[w] = exp2_flushed(room.m[w][r] - exponent_base(m));
    l += room.l[w][r] * factor[w];
  }
  if (!sees) m = kNegInf, l = 0.0f;
  const bool last = span.all_splits == 1;
  const float norm = tile.value_factor * (last ? reciprocal_or_zero(l) : 1.0f);
  const std::int64_t at = row.index(p) * span.all_splits + span.first_split + split;
  if (sharer == 0) {
    if (last) {
      store_lse(p, row.head, row.i, m, l);
    } else {
      span.partials.ml[at] = make_float2(m, l);
    }
  }
  T* o = o_row<T>(p, row.head, row.i);
#pragma unroll 4
  for (int n = 0; n < Dv / kSharers; ++n) {
    const int x = n * kSharers / 8 + sharer / 8, lane = sharer % 8;
    float sum = 0.0f;
#pragma unroll
    for (int w = 0; w < kDecodeWarps; ++w) sum = fmaf(room.o[w][r][x * 8 + lane], factor[w], sum);
    const int column = Shares<C, D, Dv>::value_column(x, lane);
    if (last) {
      o[column] = from_float<T>(l == 0.0f ? 0.0f : sum * norm);
    } else {
      span.partials.o[at * Dv + column] = sum * norm;
    }
  }
}

template <class T, class C, int D, int Dv, int Eights, class Arrival>
__device__ __forceinline__ void grouped(const AttentionParams& p, const Span& span, void* shared) {
  const int split = static_cast<int>(blockIdx.x) % span.splits, kv_head = static_cast<int>(blockIdx.y);
  const int sequence = static_cast<int>(blockIdx.z);
  const int first_row = static_cast<int>(blockIdx.x) / span.splits * 8 * Eights;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const Head head = head_of(p, sequence, kv_head * (p.heads_q / p.heads_kv));

  DecodeTile<T, C, D, Dv, Eights> tile(p, span, sequence, kv_head, first_row);
  const int first = tile.some_see.begin / kTileKeys;
  const int tiles =
      tile.some_see.begin < tile.some_see.end ? blocks_of(kTileKeys, tile.some_see.end) - first : 0;
  const int of_split = blocks_of(span.splits, tiles);
  const int from = first + split * of_split, past = min(from + of_split, first + tiles);
  const Keys keys{max(tile.some_see.begin, from * kTileKeys), min(tile.some_see.end, past * kTileKeys)};
  tile.set_factors(p, head, keys);

  const Pages pages = pages_of(p, head);
  const Tiles16<C> source{side_of<C>(p, p.k, head), side_of<C>(p, p.v, head), pages,
                          pages.hold_tiles(),       kDecodeWarps * kTileKeys, keys};
  Arrival arrival(source, static_cast<char*>(shared) + warp * Arrival::kBytes);
  arrival.start((from + warp) * kTileKeys);
#pragma unroll 1
  for (int n = from + warp; n < past; n += kDecodeWarps) {
    arrival.wait();
    float s[2][4];
    unsigned b[Eights][2];
    {
      const auto& k = arrival.keys();
      tile.scores(k, s);
    }
    arrival.keys_done();
    tile.weights(p, n * kTileKeys, s, b);
    {
      const auto& v = arrival.values();
      if (!tile.all_see_what_any_sees(n * kTileKeys) && tile.any_not_finite(v)) {
        tile.accumulate_visible(source, n * kTileKeys, s);
      } else {
        tile.accumulate(v, b);
      }
    }
    arrival.values_done();
  }
  arrival.end();
  tile.finish();
  __syncthreads();  // the ring is done with, its room becomes the merge's
  merge_warps(p, span, split, kv_head, first_row, tile, shared);
}

template <class Arrival, int Rows, int Dv>
constexpr std::size_t grouped_bytes() {
  return std::max(sizeof(MergeRoom<Rows, Dv>), static_cast<std::size_t>(kDecodeWarps * Arrival::kBytes));
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
