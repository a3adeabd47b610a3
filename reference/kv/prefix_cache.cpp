#include "reference/kv/prefix_cache.h"

#include <algorithm>

#include "reference/core/at_least.h"

namespace attnlab::kv {

PrefixCache::PrefixCache(BlockPool& pool, Index block_size)
    : pool_(pool), block_size_(at_least("block_size", block_size, 1)) {}

std::span<const BlockId> PrefixCache::fresh(std::span<const BlockId> blocks, std::size_t known) const {
  blocks = blocks.subspan(known);
  const auto shared = [&](BlockId block) { return pool_.holders(block) > 1 || pool_.kept(block); };
  return blocks.first(static_cast<std::size_t>(std::ranges::find_if(blocks, shared) - blocks.begin()));
}

void PrefixCache::require_full(std::span<const Token> tokens, std::span<const BlockId> blocks) const {
  const auto most = static_cast<Index>(tokens.size()) / block_size_;
  if (static_cast<Index>(blocks.size()) > most) {
    throw InvalidArgument("blocks", std::to_string(blocks.size()),
                          "at most " + std::to_string(most) + ", which the tokens fill");
  }
}

}  // namespace attnlab::kv
