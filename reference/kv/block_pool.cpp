#include "reference/kv/block_pool.h"

#include <limits>
#include <string>

namespace attnlab::kv {
namespace {

std::size_t checked_size(Index num_blocks) {
  constexpr Index kMost = std::numeric_limits<BlockId>::max();
  if (num_blocks < 0 || num_blocks > kMost) {
    throw InvalidArgument("num_blocks", std::to_string(num_blocks), "0 to " + std::to_string(kMost));
  }
  return static_cast<std::size_t>(num_blocks);
}

}  // namespace

BlockPool::BlockPool(Index num_blocks) : blocks_(checked_size(num_blocks)), free_(blocks_.size()) {
  for (std::size_t n = 0; n < free_.size(); ++n) free_[n] = static_cast<BlockId>(free_.size() - 1 - n);
}

BlockId BlockPool::allocate() {
  if (free_.empty()) throw OutOfBlocks(1, 0);
  const BlockId block = free_.back();
  free_.pop_back();
  blocks_[static_cast<std::size_t>(block)].holders = 1;
  return block;
}

void BlockPool::retain(BlockId block) {
  const Block& b = at(block);
  if (require(block, b.holders > 0 || b.kept, "one that is not free").holders++ > 0) return;
  --idle_;
  watcher_->on_held(block);
}

void BlockPool::release(BlockId block) {
  Block& b = require(block, at(block).holders > 0, "one that is held");
  if (--b.holders > 0) return;
  if (b.kept) {
    ++idle_;
    watcher_->on_idle(block);
  } else {
    free_.push_back(block);
  }
}

void BlockPool::keep(BlockId block) {
  require(block, at(block).holders > 0 && !at(block).kept, "one that is held and not kept").kept = true;
}

void BlockPool::let_go(BlockId block) {
  require(block, at(block).holders == 0 && at(block).kept, "one that is idle").kept = false;
  --idle_;
  free_.push_back(block);
}

const BlockPool::Block& BlockPool::at(BlockId block) const {
  if (block < 0 || block >= size()) {
    throw InvalidArgument("block", std::to_string(block), "0 to " + std::to_string(size() - 1));
  }
  return blocks_[static_cast<std::size_t>(block)];
}

BlockPool::Block& BlockPool::require(BlockId block, bool holds, const char* expected) {
  if (!holds) throw InvalidArgument("block", std::to_string(block), expected);
  return blocks_[static_cast<std::size_t>(block)];
}

}  // namespace attnlab::kv
