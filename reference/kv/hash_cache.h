// Prefix caching as vLLM does it: every full block is kept under a hash of its tokens and of the block before
// it, so that a hash names a whole beginning. Sequences share full blocks and nothing smaller.
//
// vLLM's documentation, "Automatic Prefix Caching", describes it. Blocks that nobody reads wait in the order
// in which they were given back, the last of a sequence first: were its first block to go first, the others
// would be kept and never found. Two differences: the tokens are compared, too, so that equal hashes of
// different tokens cannot mix sequences up; and vLLM counts blocks that wait as free ones.
#pragma once

#include "reference/kv/prefix_cache.h"

namespace attnlab::kv {

class HashCache final : public PrefixCache, private BlockPool::Watcher {
 public:
  HashCache(BlockPool& pool, Index block_size);

  std::vector<BlockId> match(std::span<const Token> tokens) override;
  std::vector<BlockId> insert(std::span<const Token> tokens, std::span<const BlockId> blocks) override;
  Index evict(Index blocks) override;
  void check() const override;

 private:
  static constexpr BlockId kNone = -1;
  // Of a kept block: the beginning that it ends, as a hash of its tokens after the block before; the next block of
  // its bucket; and, while it is idle, its neighbours in the line.
  struct Entry {
    std::uint64_t hash = 0;
    BlockId before = kNone, next = kNone, older = kNone, newer = kNone;
    bool waits = false;
  };

  void on_idle(BlockId block) override;
  void on_held(BlockId block) override;
  BlockId find(std::uint64_t hash, BlockId before, std::span<const Token> tokens) const;
  void forget(BlockId block);

  std::size_t at(BlockId block) const { return static_cast<std::size_t>(block); }
  BlockId& bucket(std::uint64_t hash) { return buckets_[hash & (buckets_.size() - 1)]; }
  std::span<const Token> tokens_of(BlockId block) const {
    const auto size = static_cast<std::size_t>(block_size_);
    return std::span(tokens_).subspan(at(block) * size, size);
  }

  std::vector<Entry> entries_;               // of every block of the pool
  std::vector<Token> tokens_;                // of every block
  std::vector<BlockId> buckets_;             // a power of two of them
  BlockId oldest_ = kNone, newest_ = kNone;  // of the line; the oldest goes first
};

}  // namespace attnlab::kv
