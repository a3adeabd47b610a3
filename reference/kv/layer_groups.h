// Models whose layers do not all keep the same: sliding-window layers beside layers that see everything, and
// layers with other numbers of bytes a token. Layers that are alike are a group with its own block tables; all
// groups share one pool of blocks of the same bytes, so a block holds more tokens of a group with smaller ones.
//
// A group with a window gives back the blocks that no later token of a sequence can see. Their table entries then
// name the null block, which is never given away: what a kernel reads through them is hidden by the window. vLLM's
// hybrid cache manager works so.
#pragma once

#include <span>
#include <unordered_map>
#include <vector>

#include "reference/kv/block_pool.h"

namespace attnlab::kv {

class LayerGroups {
 public:
  struct Group {
    Index block_size = 16;  // tokens of this group in a block
    Index window = 0;       // keys before its own that a token sees; 0: all
  };
  using Id = std::int64_t;

  // One of num_blocks is the null block. Throws InvalidArgument for a size that makes no sense.
  LayerGroups(Index num_blocks, std::vector<Group> groups);

  // Blocks for `tokens` tokens of one group of this size, from bytes of a block and of one token in all layers of
  // the group. Throws InvalidArgument when not one fits.
  static Index block_size(Index block_bytes, Index token_bytes);

  Id start();
  // Tokens [length, length + more) are computed next, each seeing the window before it: rooms for them, and what
  // no token from `length` on sees is given back. Throws OutOfBlocks and has changed nothing then.
  void grow(Id id, Index more);
  void finish(Id id);

  Index length(Id id) const { return at(id).length; }
  // Of one group.
  std::span<const BlockId> table(Id id, std::size_t group) const { return at(id).tables.at(group); }
  const BlockPool& pool() const { return pool_; }
  BlockId null_block() const { return null_; }
  std::span<const Group> groups() const { return groups_; }

 private:
  struct Sequence {
    Index length = 0;
    std::vector<std::vector<BlockId>> tables;  // of each group
    std::vector<std::size_t> gone;             // blocks of each group that were given back
  };
  const Sequence& at(Id id) const;
  // Blocks of a group that no token from `position` on sees.
  static std::size_t hidden(const Group& group, Index position);

  BlockPool pool_;
  BlockId null_;
  std::vector<Group> groups_;
  std::unordered_map<Id, Sequence> sequences_;
  Id next_ = 0;
};

}  // namespace attnlab::kv
