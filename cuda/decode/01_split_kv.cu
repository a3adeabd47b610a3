// 01, split-KV decode: with one query token there are few rows, so the keys are what blocks share.
//
// Paper:    Dao, Haziza, Massa, Sizov, "Flash-Decoding for long-context inference" (2023): each split of the keys
//           gives O, m and l of its own; a second kernel combines them.
// Idea:     a warp has one row of Q and one split of its keys, and reads key after key: its lanes share the columns.
//           All types of caches, pages of any size.
// Traffic:  K and V once for every query head and token, the partial results of each split out and in.
// Limits:   heads of a group read their keys each for itself. A key's product is a sum over the warp's lanes, 5
//           shuffles, and the next key waits for it.
#include "cuda/decode/01_split_kv.h"
#include "cuda/device/decode_launch.cuh"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

template <class T, class C, int D>
__global__ void __launch_bounds__(128) split_kv_kernel(const AttentionParams p, const Span span) {
  constexpr int kColumns = (D + 31) / 32;  // of a lane: every 32nd
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int at = static_cast<int>(blockIdx.x) * 4 + static_cast<int>(threadIdx.x) / 32;
  const int split = at % span.splits, i = at / span.splits, dim_v = p.head_dim_v != 0 ? p.head_dim_v : D;
  const Head head = head_of(p, static_cast<int>(blockIdx.z), static_cast<int>(blockIdx.y));
  if (i >= head.rows_q) return;

  const Pages pages = pages_of(p, head);
  const Side<C> k_side = side_of<C>(p, p.k, head), v_side = side_of<C>(p, p.v, head);
  const Factors k_factors = factors_of(p.k_scale, head), v_factors = factors_of(p.v_scale, head);
  const int begin = head.band.begin(i), end = head.band.end(i);
  float q[kColumns], o[kColumns], m = kNegInf, l = 0.0f;
#pragma unroll
  for (int n = 0; n < kColumns; ++n) {
    const int column = lane + 32 * n;
    q[n] = o[n] = 0.0f;
    if (begin < end && column < D) q[n] = to_float((head.queries<const T>(p.q) + i * p.q.row_stride)[column]);
  }

  const int of_split = begin < end ? blocks_of(span.splits, end - begin) : 0;
  const int from = begin + split * of_split, past = min(from + of_split, end);
  for (int j = from; j < past; ++j) {
    const Place place = pages.place(j);
    const C *k = k_side.row(place), *v = v_side.row(place);
    float dot = 0.0f;
#pragma unroll
    for (int n = 0; n < kColumns; ++n)
      if (lane + 32 * n < D) dot = fmaf(q[n], to_float(k[lane + 32 * n]), dot);
    const float s = logit(p, head, i, j, warp_sum(dot) * k_factors.at(j));
    const float m_new = fmaxf(m, s), base = exponent_base(m_new), rescale = rescaling(m, base);
    const float w = weight(s, base), w_v = w * v_factors.at(j);
    m = m_new, l = l * rescale + w;
#pragma unroll
    for (int n = 0; n < kColumns; ++n)
      if (lane + 32 * n < dim_v) o[n] = fmaf(w_v, to_float(v[lane + 32 * n]), o[n] * rescale);
  }

  const PackedRow row{true, head, i, {}};
  const std::int64_t part = row.index(p) * span.all_splits + split;
  if (lane == 0) span.partials.ml[part] = make_float2(m * kLog2e, l);
#pragma unroll
  for (int n = 0; n < kColumns; ++n)
    if (lane + 32 * n < dim_v) span.partials.o[part * dim_v + lane + 32 * n] = o[n];
}

void split_kv_01(const AttentionParams& p, void* on_stream) {
  const auto stream = static_cast<cudaStream_t>(on_stream);
  const Span span = whole_span(p, split_kv_splits(p));
  for_type_and_dim<kSplitKv>(p.type, p.head_dim, [&]<class T, int D>() {
    for_cache_type<T>(p, [&]<class C>() {
      const dim3 grid(static_cast<unsigned>(ceil_div(p.seqlen_q * span.splits, 4)),
                      static_cast<unsigned>(p.heads_q), static_cast<unsigned>(p.batch));
      split_kv_kernel<T, C, D><<<grid, 128, 0, stream>>>(p, span);
      ATTNLAB_CUDA_LAUNCHED("split_kv_kernel");
      launch_combine<T>(p, span, stream);
    });
  });
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
