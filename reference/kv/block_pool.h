// The blocks of a KV cache's memory: which are free, and how many sequences hold each of the others. A block
// has room for block_size tokens of one sequence, in every layer; here it is a number, its memory is elsewhere
// (paged_memory.h).
//
// Kwon et al., "Efficient Memory Management for Large Language Model Serving with PagedAttention" (2023),
// section 4.2: the block manager's free list and reference counts.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
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
  // `count` of them, behind those of a table. Throws OutOfBlocks and has changed nothing then.
  void allocate(Index count, std::vector<BlockId>& table);
  // One holder more, of a block that is not free, or less, of one that is held. Throw InvalidArgument for any
  // other.
  void retain(BlockId block) {
    Block& b = at(block);
    if (b.holders++ > 0) return;
    if (!b.kept) {
      b.holders = 0;
      refuse(block, "one that is not free");
    }
    --idle_;
    if (watcher_ != nullptr) watcher_->on_held(block);
  }
  void release(BlockId block) {
    Block& b = at(block);
    if (b.holders == 0) refuse(block, "one that is held");
    if (--b.holders > 0) return;
    if (!b.kept) return free_.push_back(block);
    ++idle_;
    if (watcher_ != nullptr) watcher_->on_idle(block);
  }
  // Of a whole table; release() from its end on, so that what is evicted first is idle first.
  void retain(std::span<const BlockId> table);
  void release(std::span<const BlockId> table);
  // Keeps a block that is held and not kept; lets an idle one go, which is free then. Throw InvalidArgument for
  // any other.
  void keep(BlockId block) {
    Block& b = at(block);
    if (b.holders == 0 || b.kept) refuse(block, "one that is held and not kept");
    b.kept = true;
  }
  void let_go(BlockId block) {
    Block& b = at(block);
    if (b.holders != 0 || !b.kept) refuse(block, "one that is idle");
    b.kept = false;
    --idle_;
    free_.push_back(block);
  }

  Index holders(BlockId block) const { return at(block).holders; }
  bool kept(BlockId block) const { return at(block).kept; }

 private:
  struct Block {
    std::int32_t holders = 0;
    bool kept = false;
  };
  const Block& at(BlockId block) const {
    if (static_cast<std::uint32_t>(block) >= blocks_.size()) refuse_number(block);
    return blocks_[static_cast<std::uint32_t>(block)];
  }
  Block& at(BlockId block) { return const_cast<Block&>(std::as_const(*this).at(block)); }
  [[noreturn]] void refuse_number(BlockId block) const;
  [[noreturn]] static void refuse(BlockId block, const char* expected);

  std::vector<Block> blocks_;
  std::vector<BlockId> free_;  // the last one is the next one
  Index idle_ = 0;
  Watcher* watcher_ = nullptr;
};

}  // namespace attnlab::kv
