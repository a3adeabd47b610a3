// Prefix caching as vLLM does it: every full block is kept under a hash of its tokens and of the block before
// it, so that a hash names a whole beginning. Sequences share full blocks and nothing smaller.
//
// vLLM's documentation, "Automatic Prefix Caching", describes it. Blocks that nobody reads wait in the order
// in which they were given back, the last of a sequence first: were its first block to go first, the others
// would be kept and never found. Two differences: the tokens are compared, too, so that equal hashes of
// different tokens cannot mix sequences up; and vLLM counts blocks that wait as free ones.
#pragma once

#include <list>
#include <unordered_map>

#include "reference/kv/prefix_cache.h"

namespace attnlab::kv {

class HashCache final : public PrefixCache {
 public:
  using PrefixCache::PrefixCache;

  std::vector<BlockId> match(std::span<const Token> tokens) override;
  std::vector<BlockId> insert(std::span<const Token> tokens, std::span<const BlockId> blocks) override;
  Index evict(Index blocks) override;
  void check() const override;

 private:
  // A beginning: its last block's tokens, after the beginning before it.
  struct Entry {
    std::uint64_t hash = 0;
    BlockId before = kNone, block = kNone;
    std::vector<Token> tokens;
    std::list<Entry*>::iterator waits;  // while it is idle
  };
  static constexpr BlockId kNone = -1;

  void on_idle(BlockId block) override;
  void on_held(BlockId block) override;
  Entry* find(std::uint64_t hash, BlockId before, std::span<const Token> tokens);
  void forget(Entry& entry);

  std::unordered_multimap<std::uint64_t, Entry> entries_;
  std::unordered_map<BlockId, Entry*> by_block_;
  std::list<Entry*> waiting_;  // those that are idle; the next to go first
};

}  // namespace attnlab::kv
