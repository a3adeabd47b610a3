// How large a KV cache is: a token, a sequence, a batch, and how much of it fits in a memory.
//
// Every size is an exact count of bytes. A size of 2^64 bytes or more is refused with InvalidArgument, as is
// an argument of 0 where one is needed.
#pragma once

#include <cstdint>
#include <optional>

#include "reference/cards/model_card.h"
#include "reference/core/dtype.h"

namespace attnlab::cards {

// How numbers are stored. With a group size, each run of that many numbers shares a scale.
struct Format {
  DType dtype = DType::bf16;
  std::uint64_t group_size = 0;  // numbers a scale, 0: no scales (or one a tensor, too few to count)
  DType scale_dtype = DType::f16;
};

// Numbers cached for one token: 2 * kv_heads * head_dim a layer, for MLA kv_lora_rank + qk_rope_head_dim
// (DeepSeek-V2, arXiv 2405.04434, Table 1). Scales are not numbers of the model and do not count.
std::uint64_t elements_per_token_per_layer(const ModelCard& card);
std::uint64_t elements_per_token(const ModelCard& card);

// Bytes cached for one token, scales included. The cache is addressed by the vector, so each one (K or V of
// one head; MLA's latent; MLA's rotary key) is rounded up to whole bytes, and has its own
// ceil(dim / group_size) scales, the last group of a vector being shorter where the sizes do not divide.
std::uint64_t bytes_per_token_per_layer(const ModelCard& card, const Format& format);
std::uint64_t bytes_per_token(const ModelCard& card, const Format& format);

// Tokens that are cached in all layers together for a sequence of `context` tokens: a layer with a sliding
// window keeps the last `window` ones (Mistral 7B, arXiv 2310.06825, section 2, "rolling buffer cache").
std::uint64_t cached_layer_tokens(const ModelCard& card, std::uint64_t context);

std::uint64_t sequence_bytes(const ModelCard& card, const Format& format, std::uint64_t context);
std::uint64_t cache_bytes(const ModelCard& card, const Format& format, std::uint64_t context,
                          std::uint64_t batch);

// The weights as one run of numbers: whole bytes, and a scale for each group.
std::uint64_t weights_bytes(std::uint64_t parameters, const Format& format);

// The most sequences of `context` tokens that fit in `available` bytes.
std::uint64_t max_batch(const ModelCard& card, const Format& format, std::uint64_t context,
                        std::uint64_t available);

// The longest context that `batch` sequences can have in `available` bytes; nothing when there is no limit,
// because every layer slides and its whole window fits.
std::optional<std::uint64_t> max_context(const ModelCard& card, const Format& format, std::uint64_t batch,
                                         std::uint64_t available);

}  // namespace attnlab::cards
