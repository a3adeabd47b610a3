// The blocks of a KV cache's memory: which are free, and how many sequences hold each of the others. A block
// has room for block_size tokens of one sequence, in every layer; here it is a number, its memory is elsewhere
// (paged_memory.h).
//
// Kwon et al., "Efficient Memory Management for Large Language Model Serving with PagedAttention" (2023),
// section 4.2: the block manager's free list and reference counts.
#pragma once

#include <cstdint>
#include <vector>

#include "reference/core/errors.h"
#include "reference/core/view.h"

namespace attnlab::kv {

using Token = std::int32_t;
using BlockId = std::int32_t;  // the type of a block table's entries in the kernels

// More blocks than there are. Whoever throws it has changed nothing.
class OutOfBlocks : public InvalidArgument {
 public:
  OutOfBlocks(Index wanted, Index available)
      : InvalidArgument("blocks", std::to_string(wanted), "at most " + std::to_string(available)) {}
};

// A block is free; or held, by the block tables of so many sequences; or idle: no sequence holds it, and a
// prefix cache keeps it for later ones.
class BlockPool {
 public:
  // Told when a kept block becomes idle, and when an idle one is held again.
  struct Watcher {
    virtual ~Watcher() = default;
    virtual void on_idle(BlockId) {}
    virtual void on_held(BlockId) {}
  };

  // Throws InvalidArgument unless num_blocks is from 0 to 2^31 - 1.
  explicit BlockPool(Index num_blocks);
  void watch(Watcher* watcher) { watcher_ = watcher; }

  Index size() const { return static_cast<Index>(blocks_.size()); }
  Index free() const { return static_cast<Index>(free_.size()); }
  Index idle() const { return idle_; }

  // A free block, held once from now on. Throws OutOfBlocks.
  BlockId allocate();
  // One holder more, of a block that is not free, or less, of one that is held. Throw InvalidArgument for any
  // other.
  void retain(BlockId block);
  void release(BlockId block);
  // Keeps a block that is held and not kept; lets an idle one go, which is free then. Throw InvalidArgument for
  // any other.
  void keep(BlockId block);
  void let_go(BlockId block);

  Index holders(BlockId block) const { return at(block).holders; }
  bool kept(BlockId block) const { return at(block).kept; }

 private:
  struct Block {
    std::int32_t holders = 0;
    bool kept = false;
  };
  const Block& at(BlockId block) const;
  Block& require(BlockId block, bool holds, const char* expected);

  std::vector<Block> blocks_;
  std::vector<BlockId> free_;  // the last one is the next one
  Index idle_ = 0;
  Watcher none_;
  Watcher* watcher_ = &none_;
};

}  // namespace attnlab::kv
