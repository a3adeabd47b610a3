// 04, cascade: keys that all sequences of a batch share (a system prompt, say) are read once for all of them.
//
// Paper:    Ye et al., "Cascade inference: memory bandwidth efficient shared prefix batch decoding" (2024); Juravsky
//           et al., "Hydragen: high-throughput LLM inference with shared prefixes" (2024).
// Idea:     attention over a union of keys is the merge of attention over its parts (the combination of rung 01). For
//           the shared part the rows of all sequences are packed into one list, as those of a group's heads are: a
//           block reads a key once for 16 rows of any sequences. Each sequence's own keys are a second launch.
// Traffic:  shared keys once for each 16 rows of the batch, most of it from L2; own keys once; the partial results of
//           all splits out and in.
// Limits:   one shared part, at the beginning.
#include "cuda/decode/04_cascade.h"
#include "cuda/device/decode_launch.cuh"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

template <class T, int D, int Eights>
__global__ void __launch_bounds__(32 * kDecodeWarps, 2)
    cascade_kernel(const AttentionParams p, const Span span) {
  extern __shared__ float4 shared_memory[];
  grouped<T, T, D, D, Eights, InRing<T, D, D>>(p, span, shared_memory);
}

template <class T, int D, int Eights>
void launch_part(const AttentionParams& p, const Span& span, cudaStream_t stream) {
  launch_grouped(cascade_kernel<T, D, Eights>, p, span, 8 * Eights,
                 grouped_bytes<InRing<T, D, D>, 8 * Eights, D>(), stream);
}

void cascade_04(const AttentionParams& p, void* on_stream) {
  const auto stream = static_cast<cudaStream_t>(on_stream);
  const CascadeSplits splits = cascade_splits(p);
  Span own;
  own.from = p.shared_kv;
  own.splits = splits.own, own.first_split = splits.shared, own.all_splits = splits.shared + splits.own;
  own.partials = partials_of(p, own.all_splits);
  Span shared = own;
  shared.from = 0, shared.to = p.shared_kv, shared.of_all = true;
  shared.splits = splits.shared, shared.first_split = 0;
  for_type_and_dim<kCascadeDecode>(p.type, p.head_dim, [&]<class T, int D>() {
    require_aligned<T>("k", p.k), require_aligned<T>("v", p.v), require_aligned<T>("q", p.q);
    if (p.shared_kv != 0) launch_part<T, D, 2>(p, shared, stream);
    if (packed_rows(p) == 8) {
      launch_part<T, D, 1>(p, own, stream);
    } else {
      launch_part<T, D, 2>(p, own, stream);
    }
    if (own.all_splits > 1) launch_combine<T>(p, own, stream);
  });
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
