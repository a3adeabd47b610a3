// 03, the grouped kernel with rings: tiles are fetched several ahead, by copies that keep no register busy.
//
// Paper:    Dao, Haziza, Massa, Sizov, "Flash-Decoding for long-context inference" (2023).
// Idea:     rung 02 has one tile of each warp on its way, for its place is in registers, and asks for 64 bytes of 8
//           rows at a time, for that is what a lane needs. Here up to 6 tiles are on their way to shared memory
//           (cp.async), 24 KB for each warp, and a copy is 512 bytes that follow one another. Copies of rung 02's
//           pieces got 0.70 of cuDNN's bandwidth on an H200 where these get 0.98.
// Traffic:  that of rung 02.
// Limits:   each byte is written to and read from shared memory once. A sequence's splits are of one size whatever the
//           lengths of others: blocks of short sequences end early.
#include "cuda/decode/03_ring.h"
#include "cuda/device/decode_launch.cuh"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

template <class T, class C, int D, int Eights>
__global__ void __launch_bounds__(32 * kDecodeWarps, 2)
    ring_kernel(const AttentionParams p, const Span span) {
  extern __shared__ float4 shared_memory[];
  grouped<T, C, D, D, Eights, InRing<C, D, D>>(p, span, shared_memory);
}

void ring_03(const AttentionParams& p, void* on_stream) {
  const auto stream = static_cast<cudaStream_t>(on_stream);
  const Span span = whole_span(p, ring_splits(p));
  for_grouped<kGroupedDecode>(p, [&]<class T, class C, int D, int Eights>() {
    launch_grouped(ring_kernel<T, C, D, Eights>, p, span, 8 * Eights,
                   grouped_bytes<InRing<C, D, D>, 8 * Eights, D>(), stream);
    if (span.splits > 1) launch_combine<T>(p, span, stream);
  });
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
