#include "reference/cards/variants.h"

#include <fmt/format.h>

#include <algorithm>

#include "reference/core/checked.h"
#include "reference/core/errors.h"

namespace attnlab::cards {
namespace {

std::uint64_t largest_divisor(std::uint64_t number, std::uint64_t at_most) {
  std::uint64_t divisor = std::min(number, at_most);
  while (number % divisor != 0) --divisor;
  return divisor;
}

}  // namespace

ModelCard with_mechanism(const ModelCard& card, Mechanism mechanism, std::uint64_t groups) {
  if (groups == 0) throw InvalidArgument("groups", "0", "at least 1");
  if (card.mechanism == mechanism) return card;
  ModelCard variant = card;
  variant.mechanism = mechanism;
  variant.kv_heads = card.heads;
  variant.kv_lora_rank = 0;
  variant.qk_rope_head_dim = 0;
  switch (mechanism) {
    case Mechanism::mha:
      break;
    case Mechanism::gqa:
      variant.kv_heads = largest_divisor(card.heads, groups);
      break;
    case Mechanism::mqa:
      variant.kv_heads = 1;
      break;
    case Mechanism::mla:
      variant.kv_lora_rank = checked_multiply(4, card.head_dim, "kv_lora_rank");
      variant.qk_rope_head_dim = divide_up(card.head_dim, 2);
      break;
  }
  return variant;
}

ModelCard tensor_parallel(const ModelCard& card, std::uint64_t gpus) {
  if (gpus == 0 || card.heads % gpus != 0) {
    throw InvalidArgument("gpus", std::to_string(gpus), fmt::format("a divisor of the {} heads", card.heads));
  }
  ModelCard part = card;
  part.heads = card.heads / gpus;
  if (card.mechanism == Mechanism::mla) {
    part.kv_heads = part.heads;
  } else {
    part.kv_heads = divide_up(card.kv_heads, gpus);
  }
  return part;
}

}  // namespace attnlab::cards
