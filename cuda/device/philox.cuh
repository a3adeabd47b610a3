// Dropout's random numbers: Philox-4x32-10 as in reference/core/philox.h, word for word, so that a kernel and
// the reference draw the same mask.
#pragma once

#include <cuda_runtime.h>

#include "cuda/host/params.h"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

struct PhiloxWords {
  std::uint32_t word[4];
};

__device__ inline PhiloxWords philox4x32_10(PhiloxWords counter, std::uint32_t key0, std::uint32_t key1) {
  std::uint32_t c0 = counter.word[0], c1 = counter.word[1], c2 = counter.word[2], c3 = counter.word[3];
#pragma unroll 1  // rarely used, often inlined: small rather than fast
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = std::uint64_t{0xD2511F53} * c0, product1 = std::uint64_t{0xCD9E8D57} * c2;
    c0 = static_cast<std::uint32_t>(product1 >> 32) ^ c1 ^ key0;
    c1 = static_cast<std::uint32_t>(product1);
    c2 = static_cast<std::uint32_t>(product0 >> 32) ^ c3 ^ key1;
    c3 = static_cast<std::uint32_t>(product0);
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

// The decision for keys 4 * quad .. 4 * quad + 3 of row i of head batch_head = b * heads_q + h: bit n set =
// key 4 * quad + n is kept.
__device__ inline unsigned kept_bits(const DropoutParams& dropout, int batch_head, int i, int quad) {
  const PhiloxWords words = philox4x32_10({{static_cast<std::uint32_t>(quad), static_cast<std::uint32_t>(i),
                                            static_cast<std::uint32_t>(batch_head), dropout.offset}},
                                          dropout.key[0], dropout.key[1]);
  return (words.word[0] < dropout.threshold ? 1u : 0u) | (words.word[1] < dropout.threshold ? 2u : 0u) |
         (words.word[2] < dropout.threshold ? 4u : 0u) | (words.word[3] < dropout.threshold ? 8u : 0u);
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
