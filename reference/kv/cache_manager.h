// One memory for the keys and values of all sequences: their block tables, what they share, and what finished
// ones leave for later. A decoder, a scheduler and a server see a KV cache through this class alone; the
// numbers themselves are in paged_memory.h, which does what the answers here say: where a token's row goes,
// and which rows to copy before.
//
//   start    a sequence, from what the prefix cache has of its tokens
//   grow     room for more of its tokens (a chunk of the prompt)
//   append   one token more, copied on write where the last block is shared
//   fork     a second sequence with the same past (parallel samples, beams)
//   publish  what it has computed can be shared from now on
//   finish   publish, and go
//   swap_out, swap_in    a group of sequences to the host's memory and back
//
// After Kwon et al. 2023 (PagedAttention), sections 4.3 to 4.5, and Zheng et al. 2024 (RadixAttention),
// section 3. Every function either does its work whole or throws and changes nothing (what was evicted to make
// room comes back with no one).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "reference/kv/prefix_cache.h"

namespace attnlab::kv {

using SequenceId = std::int64_t;

// How sequences find what others left.
enum class Sharing { none, radix, hash };

// The first `rows` rows of a block, to be copied before anything is written to the other.
struct BlockCopy {
  BlockId from = 0, to = 0;
  Index rows = 0;
};

// Where a new token's row goes.
struct Slot {
  BlockId block = 0;
  Index row = 0;
  std::optional<BlockCopy> copy_before;
};

class CacheManager {
 public:
  struct Options {
    Index num_blocks = 0;
    Index block_size = 16;  // tokens; 1: TokenAttention
    Sharing sharing = Sharing::none;
    Index host_blocks = 0;  // for sequences that are swapped out
  };
  // What has been asked of prefix caching. A sequence that was put off and starts again finds its own past:
  // that is no hit, and is counted apart.
  struct Counts {
    Index prompt_tokens = 0, hit_tokens = 0;      // of sequences that started for the first time
    Index resumed_tokens = 0, found_tokens = 0;   // of those that started again
    Index evicted_blocks = 0, copied_blocks = 0;  // let go; copied on write
  };
  enum class Origin { fresh, resumed };
  struct Started {
    SequenceId id = 0;
    Index cached = 0;  // tokens whose keys and values are there already
  };

  // Throws InvalidArgument for a size that makes no sense.
  explicit CacheManager(const Options& options);

  // A sequence of these tokens, with room for its first `upto` tokens (default: all). At least one token is
  // left to compute, whatever is cached: its logits are wanted. Throws OutOfBlocks, and InvalidArgument for no
  // tokens or an upto beyond them.
  Started start(std::vector<Token> tokens, std::optional<Index> upto = std::nullopt, Origin = Origin::fresh);
  // Room for the tokens before `upto`. Throws OutOfBlocks.
  void grow(SequenceId id, Index upto);
  // The next token, whose row is the caller's to write. All tokens before must have room. Throws OutOfBlocks.
  Slot append(SequenceId id, Token token);
  // A sequence with the same tokens and blocks.
  SequenceId fork(SequenceId id);
  // What beam search keeps of its beams: sequence n of the answer goes on from beams[parents[n]]. Beams without
  // a child go, and so do all names in `beams` that the answer does not have.
  std::vector<SequenceId> reorder(std::span<const SequenceId> beams, std::span<const Index> parents);
  // Rows of the first `computed` tokens are written: full blocks of them can be shared from now on. (Publish
  // before you fork: what forks share is published when one of them is left.)
  void publish(SequenceId id, Index computed);
  void finish(SequenceId id, Index computed);
  // Goes and leaves nothing.
  void drop(SequenceId id) { finish(id, 0); }

  // Blocks of these sequences move to the host's memory, each once however many of them share it, or back; the
  // copies (rows: the block's) are the caller's to do. Throw OutOfBlocks, and InvalidArgument for one that is
  // there already.
  std::vector<BlockCopy> swap_out(std::span<const SequenceId> ids) { return move(ids, true); }
  std::vector<BlockCopy> swap_in(std::span<const SequenceId> ids) { return move(ids, false); }

  // Of a sequence. Throw InvalidArgument when there is none of that name; table() of one that is swapped out
  // names blocks of the host.
  std::span<const BlockId> table(SequenceId id) const { return at(id).table; }
  std::span<const Token> tokens(SequenceId id) const { return at(id).tokens; }
  // Tokens that have room.
  Index room(SequenceId id) const;
  bool swapped_out(SequenceId id) const { return at(id).on_host; }

  Index block_size() const { return block_size_; }
  Index num_sequences() const { return static_cast<Index>(sequences_.size()); }
  const BlockPool& pool() const { return pool_; }
  const BlockPool& host() const { return host_; }
  PrefixCache* prefixes() const { return prefixes_.get(); }  // null: Sharing::none
  // Blocks that are free or could be made so.
  Index available() const { return pool_.free() + pool_.idle(); }
  const Counts& counts() const { return counts_; }

  // Throws std::logic_error naming the invariant that does not hold: for tests.
  void check() const;

 private:
  struct Sequence {
    std::vector<Token> tokens;
    std::vector<BlockId> table;
    std::size_t published = 0;  // blocks of the table that the prefix cache keeps
    bool on_host = false;
  };

  Sequence& at(SequenceId id);
  const Sequence& at(SequenceId id) const;
  Sequence& on_device(SequenceId id);
  Index blocks_for(Index tokens) const { return (tokens + block_size_ - 1) / block_size_; }
  void make_free(Index blocks);
  std::vector<BlockCopy> move(std::span<const SequenceId> ids, bool to_host);

  Index block_size_;
  BlockPool pool_, host_;
  std::unique_ptr<PrefixCache> prefixes_;
  std::unordered_map<SequenceId, Sequence> sequences_;
  SequenceId next_ = 0;
  Counts counts_;
};

}  // namespace attnlab::kv
