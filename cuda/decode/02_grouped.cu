// 02, grouped split-KV decode: a group's heads and a sequence's few tokens are packed into one tile, so that each key
// is read once for all of them, and its products are those of tensor cores.
//
// Paper:    Dao, Haziza, Massa, Sizov, "Flash-Decoding for long-context inference" (2023): splits of the keys and
//           their combination. Ainslie et al., "GQA" (2023): heads that share keys.
// Idea:     K and V are loaded in pieces of 16 bytes, straight into the registers in which a matrix instruction wants
//           them: the order of head_dim within a product is free as long as Q's is the same. S = Q K^T takes K as it
//           came; O^T = V^T P^T takes P as the first product leaves it, and half the registers for O with 8 rows.
// Traffic:  K, V and Q once; m, l and O of each split once out and once in, where there are several.
// Limits:   a warp has 4 to 8 KB on its way, in registers: a multiprocessor needs 8 or more warps to keep the memory
//           busy.
#include "cuda/decode/02_grouped.h"
#include "cuda/device/decode_launch.cuh"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

template <class T, class C, int D, int Eights>
__global__ void __launch_bounds__(32 * kDecodeWarps, Eights == 1 ? 3 : 2)
    grouped_kernel(const AttentionParams p, const Span span) {
  extern __shared__ float4 shared_memory[];
  grouped<T, C, D, D, Eights, InRegisters<C, D, D>>(p, span, shared_memory);
}

void grouped_02(const AttentionParams& p, void* on_stream) {
  const auto stream = static_cast<cudaStream_t>(on_stream);
  const Span span = whole_span(p, grouped_splits(p));
  for_grouped<kGroupedDecode>(p, [&]<class T, class C, int D, int Eights>() {
    launch_grouped(grouped_kernel<T, C, D, Eights>, p, span, 8 * Eights,
                   grouped_bytes<InRegisters<C, D, D>, 8 * Eights, D>(), stream);
    if (span.splits > 1) launch_combine<T>(p, span, stream);
  });
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
