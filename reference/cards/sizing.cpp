#include "reference/cards/sizing.h"

#include <algorithm>
#include <string>

#include "reference/core/checked.h"

namespace attnlab::cards {
namespace {

constexpr const char* kToken = "cache of a token";
// Arguments that make a size too large.
constexpr const char* kContext = "context";
constexpr const char* kBatch = "batch";
constexpr const char* kParameters = "parameters";

void demand_positive(const char* argument, std::uint64_t value) {
  if (value == 0) throw InvalidArgument(argument, "0", "at least 1");
}

// A run of numbers that starts at a byte of its own, and its scales.
std::uint64_t run_bytes(std::uint64_t numbers, const Format& format, const char* what) {
  const auto packed = [what](std::uint64_t count, DType dtype) {
    return divide_up(checked_multiply(count, static_cast<std::uint64_t>(bits(dtype)), what), 8);
  };
  const std::uint64_t scales = format.group_size == 0 ? 0 : divide_up(numbers, format.group_size);
  return checked_add(packed(numbers, format.dtype), packed(scales, format.scale_dtype), what);
}

}  // namespace

std::uint64_t elements_per_token_per_layer(const ModelCard& card) {
  if (card.mechanism == Mechanism::mla) return checked_add(card.kv_lora_rank, card.qk_rope_head_dim, kToken);
  return checked_multiply(2, checked_multiply(card.kv_heads, card.head_dim, kToken), kToken);
}

std::uint64_t elements_per_token(const ModelCard& card) {
  return checked_multiply(card.layers, elements_per_token_per_layer(card), kToken);
}

std::uint64_t bytes_per_token_per_layer(const ModelCard& card, const Format& format) {
  if (card.mechanism == Mechanism::mla) {
    return checked_add(run_bytes(card.kv_lora_rank, format, kToken),
                       run_bytes(card.qk_rope_head_dim, format, kToken), kToken);
  }
  const std::uint64_t vectors = checked_multiply(2, card.kv_heads, kToken);
  return checked_multiply(vectors, run_bytes(card.head_dim, format, kToken), kToken);
}

std::uint64_t bytes_per_token(const ModelCard& card, const Format& format) {
  return checked_multiply(card.layers, bytes_per_token_per_layer(card, format), kToken);
}

std::uint64_t cached_layer_tokens(const ModelCard& card, std::uint64_t context) {
  const std::uint64_t full = checked_multiply(card.layers - card.sliding_layers, context, kContext);
  const std::uint64_t sliding =
      checked_multiply(card.sliding_layers, std::min(context, card.window), kContext);
  return checked_add(full, sliding, kContext);
}

std::uint64_t sequence_bytes(const ModelCard& card, const Format& format, std::uint64_t context) {
  demand_positive("context", context);
  return checked_multiply(cached_layer_tokens(card, context), bytes_per_token_per_layer(card, format),
                          kContext);
}

std::uint64_t cache_bytes(const ModelCard& card, const Format& format, std::uint64_t context,
                          std::uint64_t batch) {
  demand_positive("batch", batch);
  return checked_multiply(batch, sequence_bytes(card, format, context), kBatch);
}

std::uint64_t weights_bytes(std::uint64_t parameters, const Format& format) {
  return run_bytes(parameters, format, kParameters);
}

std::uint64_t max_batch(const ModelCard& card, const Format& format, std::uint64_t context,
                        std::uint64_t available) {
  return available / sequence_bytes(card, format, context);
}

std::optional<std::uint64_t> max_context(const ModelCard& card, const Format& format, std::uint64_t batch,
                                         std::uint64_t available) {
  demand_positive("batch", batch);
  // Tokens of single layers that one sequence can have, and how they are spent: a context shorter than the
  // window costs one in every layer, a longer one only in the layers without a window.
  const std::uint64_t affordable = available / batch / bytes_per_token_per_layer(card, format);
  const std::uint64_t in_window = affordable / card.layers;
  if (card.sliding_layers == 0 || in_window < card.window) return in_window;
  if (card.sliding_layers == card.layers) return std::nullopt;
  return (affordable - card.sliding_layers * card.window) / (card.layers - card.sliding_layers);
}

}  // namespace attnlab::cards
