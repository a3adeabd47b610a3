// How many blocks a prefix cache of a given size finds in a trace of requests, without tokens and without a
// clock: one request after the other. A second derivation of what RadixCache and HashCache do, and Belady's
// optimum, which no cache without knowledge of the future beats.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "reference/core/view.h"

namespace attnlab::kv {

// A request: names of its blocks from its first on. A name stands for a block and all before it, as a chain of
// hashes does (Mooncake's hash_ids); so the name of a block is in one place of one beginning.
using BlockNames = std::vector<std::int64_t>;

struct Hits {
  Index blocks = 0, found = 0;  // of all requests; of these, found in the cache
  double rate() const { return blocks == 0 ? 0 : static_cast<double>(found) / static_cast<double>(blocks); }
};

// The cache lets the least recently used block go first; of a request's, its last one.
Hits replay_lru(std::span<const BlockNames> requests, Index capacity);
// It keeps the blocks that are used again soonest: Belady, "A study of replacement algorithms for a
// virtual-storage computer" (1966). A block is never used later than those that follow it, so what this keeps
// can be found.
Hits replay_belady(std::span<const BlockNames> requests, Index capacity);
// Nothing ever goes.
Hits replay_unlimited(std::span<const BlockNames> requests);

}  // namespace attnlab::kv
