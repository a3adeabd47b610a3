#include "simulator/memory/hierarchy.h"

#include <stdexcept>
#include <string>
#include <utility>

#include "reference/core/errors.h"

namespace attnlab::memory {

Hierarchy::Hierarchy(const Geometry& geometry, std::uint64_t blocks, std::uint64_t resident_blocks,
                     std::uint64_t shared_bytes_per_block)
    : system_(geometry, l1_bytes(geometry, resident_blocks, shared_bytes_per_block)),
      waves_(geometry.sms, resident_blocks, blocks, geometry.interleave, geometry.l2_wait) {
  if (resident_blocks == 0) throw InvalidArgument("resident blocks", "0", "at least 1");
}

void Hierarchy::add_block(std::uint64_t index, RequestStream&& requests) {
  requests.shrink();
  bool large = false;
  {
    const std::lock_guard lock(waiting_);
    if (index < next_ || blocks_.contains(index))
      throw std::logic_error("block " + std::to_string(index) + " was added twice");
    backlog_ += requests.allocated_bytes();
    large = backlog_ > kBacklogBytes;
    blocks_.emplace(index, std::move(requests));
  }
  // One thread replays, the others go on running blocks. What comes between the replay's last look and the
  // unlocking is found by the next call, at the latest by finish().
  std::unique_lock lock(replaying_, std::defer_lock);
  if (large)
    lock.lock();
  else if (!lock.try_lock())
    return;
  replay();
}

Supply Hierarchy::supply(std::optional<Block>& block) {
  const std::lock_guard lock(waiting_);
  const auto first = blocks_.begin();
  if (first == blocks_.end() || (first->first != next_ && !all_came_))
    return all_came_ ? Supply::nothing : Supply::later;
  next_ = first->first + 1;
  backlog_ -= first->second.allocated_bytes();
  block.emplace(std::move(first->second));
  blocks_.erase(first);
  return Supply::block;
}

void Hierarchy::replay() {
  waves_.run([&](std::optional<Block>& block) { return supply(block); },
             [&](std::size_t sm, RequestKind kind, std::span<const LinePart> lines) {
               return system_.request(sm, kind, lines);
             });
}

Counters Hierarchy::finish() {
  {
    const std::lock_guard lock(waiting_);
    all_came_ = true;
  }
  const std::lock_guard lock(replaying_);
  replay();
  return system_.counters();
}

std::uint64_t Hierarchy::backlog_bytes() const {
  const std::lock_guard lock(waiting_);
  return backlog_;
}

}  // namespace attnlab::memory
