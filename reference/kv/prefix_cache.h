// What sequences leave in the cache, found again by the tokens that a later one begins with. Two
// implementations: the tree of tokens (radix_cache.h, SGLang) and the chain of hashes (hash_cache.h, vLLM).
//
// A prefix cache keeps full blocks of block_size tokens. A sequence locks what it reads by holding it (the
// pool's retain): only idle blocks are evicted. Whoever holds a kept block holds the kept blocks of all tokens
// before it, too; so idle blocks end every beginning that is kept, and all of them can be evicted.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "reference/kv/block_pool.h"

namespace attnlab::kv {

class PrefixCache {
 public:
  PrefixCache(BlockPool& pool, Index block_size);
  PrefixCache(const PrefixCache&) = delete;
  PrefixCache& operator=(const PrefixCache&) = delete;
  virtual ~PrefixCache() = default;

  Index block_size() const { return block_size_; }
  Index kept() const { return kept_; }  // blocks

  // The blocks of the longest beginning of the tokens that is kept. It counts as used now. Whoever wants them
  // retains them before anything else happens.
  virtual std::vector<BlockId> match(std::span<const Token> tokens) = 0;
  // Keeps what the tokens left in these blocks: blocks[n] holds the n-th block_size of them, and the caller
  // holds it. Where the same tokens are kept already, those blocks stay, and the answer names them in place of
  // the caller's. A block that others hold, too, is not kept yet, nor are those after it: the holders may have
  // different blocks before it. Throws InvalidArgument for more blocks than the tokens fill.
  virtual std::vector<BlockId> insert(std::span<const Token> tokens, std::span<const BlockId> blocks) = 0;
  // Lets go up to `blocks` idle blocks, the least recently used first and each sequence from its end, so that
  // what stays can still be matched. Returns how many.
  virtual Index evict(Index blocks) = 0;

  // Throws std::logic_error naming the invariant that does not hold: for tests.
  virtual void check() const = 0;

 protected:
  // Of the caller's blocks from the `known`-th on, those that can be kept.
  std::span<const BlockId> fresh(std::span<const BlockId> blocks, std::size_t known) const;
  // Throws InvalidArgument unless the tokens fill the blocks.
  void require_full(std::span<const Token> tokens, std::span<const BlockId> blocks) const;

  BlockPool& pool_;
  const Index block_size_;
  Index kept_ = 0;
};

// check()'s words.
inline void require_invariant(bool holds, const std::string& invariant) {
  if (!holds) throw std::logic_error("broken invariant: " + invariant);
}

}  // namespace attnlab::kv
