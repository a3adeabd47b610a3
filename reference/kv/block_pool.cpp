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

void BlockPool::allocate(Index count, std::vector<BlockId>& table) {
  if (count > free()) throw OutOfBlocks(count, free());
  for (Index n = 0; n < count; ++n) {
    blocks_[static_cast<std::size_t>(free_.back())].holders = 1;
    table.push_back(free_.back());
    free_.pop_back();
  }
}

// The number of idle blocks is kept apart from memory in the loops: they are most of a cache's bookkeeping.
void BlockPool::retain(std::span<const BlockId> table) {
  Index were_idle = 0;
  for (const BlockId block : table) {
    Block& b = at(block);
    if (b.holders == 0 && !b.kept) refuse(block, "one that is not free");
    if (b.holders++ > 0) continue;
    ++were_idle;
    if (watcher_ != nullptr) watcher_->on_held(block);
  }
  idle_ -= were_idle;
}

void BlockPool::release(std::span<const BlockId> table) {
  Index are_idle = 0;
  for (auto block = table.rbegin(); block != table.rend(); ++block) {
    Block& b = at(*block);
    if (b.holders == 0) refuse(*block, "one that is held");
    if (--b.holders > 0) continue;
    if (!b.kept) {
      free_.push_back(*block);
      continue;
    }
    ++are_idle;
    if (watcher_ != nullptr) watcher_->on_idle(*block);
  }
  idle_ += are_idle;
}

void BlockPool::refuse_number(BlockId block) const {
  throw InvalidArgument("block", std::to_string(block), "0 to " + std::to_string(size() - 1));
}

void BlockPool::refuse(BlockId block, const char* expected) {
  throw InvalidArgument("block", std::to_string(block), expected);
}

}  // namespace attnlab::kv
