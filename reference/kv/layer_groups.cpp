#include "reference/kv/layer_groups.h"

#include <algorithm>
#include <string>
#include <utility>

#include "reference/core/at_least.h"
#include "reference/core/blocks.h"

namespace attnlab::kv {
LayerGroups::LayerGroups(Index num_blocks, std::vector<Group> groups)
    : pool_(at_least("num_blocks", num_blocks, 1)), null_(pool_.allocate()), groups_(std::move(groups)) {
  at_least("groups", static_cast<Index>(groups_.size()), 1);
  for (const Group& group : groups_) {
    at_least("block_size", group.block_size, 1);
    at_least("window", group.window, 0);
  }
}

Index LayerGroups::block_size(Index block_bytes, Index token_bytes) {
  at_least("token_bytes", token_bytes, 1);
  return at_least("block_bytes", block_bytes, token_bytes) / token_bytes;
}

const LayerGroups::Sequence& LayerGroups::at(Id id) const {
  const auto found = sequences_.find(id);
  if (found == sequences_.end())
    throw InvalidArgument("sequence", std::to_string(id), "one that was started");
  return found->second;
}

LayerGroups::Id LayerGroups::start() {
  Sequence& sequence = sequences_[next_];
  sequence.tables.resize(groups_.size());
  sequence.gone.resize(groups_.size());
  return next_++;
}

std::size_t LayerGroups::hidden(const Group& group, Index position) {
  if (group.window == 0 || position <= group.window) return 0;
  return static_cast<std::size_t>((position - group.window) / group.block_size);
}

void LayerGroups::grow(Id id, Index more) {
  Sequence sequence = at(id);
  at_least("more", more, 0);
  Index wanted = 0, back = 0;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const Index needed = ceil_div(sequence.length + more, groups_[g].block_size);
    wanted += std::max<Index>(0, needed - static_cast<Index>(sequence.tables[g].size()));
    back += static_cast<Index>(std::min(hidden(groups_[g], sequence.length), sequence.tables[g].size()) -
                               sequence.gone[g]);
  }
  if (wanted > pool_.free() + back) throw OutOfBlocks(wanted, pool_.free() + back);
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    auto& table = sequence.tables[g];
    const std::size_t end = std::min(hidden(groups_[g], sequence.length), table.size());
    for (; sequence.gone[g] < end; ++sequence.gone[g]) {
      pool_.release(std::exchange(table[sequence.gone[g]], null_));
    }
  }
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const Index needed = ceil_div(sequence.length + more, groups_[g].block_size);
    while (static_cast<Index>(sequence.tables[g].size()) < needed) {
      sequence.tables[g].push_back(pool_.allocate());
    }
  }
  sequence.length += more;
  sequences_.at(id) = std::move(sequence);
}

void LayerGroups::finish(Id id) {
  for (const auto& table : at(id).tables) {
    for (const BlockId block : table) {
      if (block != null_) pool_.release(block);
    }
  }
  sequences_.erase(id);
}

}  // namespace attnlab::kv
