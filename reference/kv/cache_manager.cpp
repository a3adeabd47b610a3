#include "reference/kv/cache_manager.h"

#include <algorithm>
#include <string>
#include <utility>

#include "reference/core/at_least.h"
#include "reference/kv/hash_cache.h"
#include "reference/kv/radix_cache.h"

namespace attnlab::kv {
namespace {

std::unique_ptr<PrefixCache> make_prefixes(Sharing sharing, BlockPool& pool, Index block_size) {
  switch (sharing) {
    case Sharing::radix:
      return std::make_unique<RadixCache>(pool, block_size);
    case Sharing::hash:
      return std::make_unique<HashCache>(pool, block_size);
    case Sharing::none:
      break;
  }
  return nullptr;
}

}  // namespace

CacheManager::CacheManager(const Options& options)
    : block_size_(at_least("block_size", options.block_size, 1)),
      pool_(options.num_blocks),
      host_(options.host_blocks),
      prefixes_(make_prefixes(options.sharing, pool_, options.block_size)) {}

CacheManager::Sequence& CacheManager::at(SequenceId id) {
  return const_cast<Sequence&>(std::as_const(*this).at(id));
}
const CacheManager::Sequence& CacheManager::at(SequenceId id) const {
  const auto found = sequences_.find(id);
  if (found == sequences_.end())
    throw InvalidArgument("sequence", std::to_string(id), "one that was started");
  return found->second;
}
CacheManager::Sequence& CacheManager::on_device(SequenceId id) {
  Sequence& sequence = at(id);
  if (sequence.on_host) throw InvalidArgument("sequence", std::to_string(id), "one that is not swapped out");
  return sequence;
}

Index CacheManager::room(SequenceId id) const {
  const Sequence& sequence = at(id);
  return std::min(static_cast<Index>(sequence.tokens.size()),
                  static_cast<Index>(sequence.table.size()) * block_size_);
}

// Evicts what is needed. Throws OutOfBlocks before it does when that would not be enough.
void CacheManager::make_free(Index blocks) {
  if (blocks > available()) throw OutOfBlocks(blocks, available());
  if (blocks > pool_.free()) counts_.evicted_blocks += prefixes_->evict(blocks - pool_.free());
}

CacheManager::Started CacheManager::start(std::vector<Token> tokens, std::optional<Index> upto,
                                          Origin origin) {
  const auto length = static_cast<Index>(tokens.size());
  if (length == 0) throw InvalidArgument("tokens", "none", "1 or more");
  if (upto.value_or(length) < 0 || upto.value_or(length) > length) {
    throw InvalidArgument("upto", std::to_string(*upto), "0 to the " + std::to_string(length) + " tokens");
  }
  Sequence sequence;
  if (prefixes_) {
    sequence.table = prefixes_->match(std::span(tokens).first(static_cast<std::size_t>(length - 1)));
  }
  const auto hits = static_cast<Index>(sequence.table.size());
  const Index more = std::max<Index>(0, blocks_for(upto.value_or(length)) - hits);
  pool_.retain(sequence.table);
  try {
    make_free(more);
  } catch (const OutOfBlocks&) {
    pool_.release(sequence.table);
    throw;
  }
  sequence.published = sequence.table.size();
  sequence.table.reserve(static_cast<std::size_t>(blocks_for(length)));
  pool_.allocate(more, sequence.table);
  sequence.tokens = std::move(tokens);
  const bool fresh = origin == Origin::fresh;
  (fresh ? counts_.prompt_tokens : counts_.resumed_tokens) += length;
  (fresh ? counts_.hit_tokens : counts_.found_tokens) += hits * block_size_;
  sequences_.emplace(next_, std::move(sequence));
  return {next_++, hits * block_size_};
}

void CacheManager::grow(SequenceId id, Index upto) {
  Sequence& sequence = on_device(id);
  const auto length = static_cast<Index>(sequence.tokens.size());
  if (upto < 0 || upto > length) {
    throw InvalidArgument("upto", std::to_string(upto), "0 to the " + std::to_string(length) + " tokens");
  }
  const Index more = blocks_for(upto) - static_cast<Index>(sequence.table.size());
  make_free(std::max<Index>(0, more));
  pool_.allocate(std::max<Index>(0, more), sequence.table);
}

Slot CacheManager::append(SequenceId id, Token token) {
  Sequence& sequence = on_device(id);
  const auto length = static_cast<Index>(sequence.tokens.size());
  if (room(id) < length) {
    throw InvalidArgument("sequence", "room for " + std::to_string(room(id)) + " tokens",
                          "room for all " + std::to_string(length) + " before the next one");
  }
  Slot slot;
  slot.row = length % block_size_;
  const auto block = static_cast<std::size_t>(length / block_size_);
  if (block == sequence.table.size()) {
    make_free(1);
    sequence.table.push_back(pool_.allocate());
  } else if (BlockId& last = sequence.table[block]; pool_.holders(last) > 1) {
    make_free(1);
    slot.copy_before = BlockCopy{last, pool_.allocate(), slot.row};
    pool_.release(std::exchange(last, slot.copy_before->to));
    ++counts_.copied_blocks;
  }
  slot.block = sequence.table[block];
  sequence.tokens.push_back(token);
  return slot;
}

SequenceId CacheManager::fork(SequenceId id) {
  Sequence twin = on_device(id);
  pool_.retain(twin.table);
  sequences_.emplace(next_, std::move(twin));
  return next_++;
}

std::vector<SequenceId> CacheManager::reorder(std::span<const SequenceId> beams,
                                              std::span<const Index> parents) {
  for (const SequenceId beam : beams) on_device(beam);
  for (const Index parent : parents) {
    if (parent < 0 || parent >= static_cast<Index>(beams.size())) {
      throw InvalidArgument("parents", std::to_string(parent), "0 to " + std::to_string(beams.size() - 1));
    }
  }
  std::vector<SequenceId> next;
  std::vector<bool> goes_on(beams.size(), false);
  for (const Index parent : parents) {  // the first child is the beam itself
    const auto n = static_cast<std::size_t>(parent);
    next.push_back(goes_on[n] ? fork(beams[n]) : beams[n]);
    goes_on[n] = true;
  }
  for (std::size_t n = 0; n < beams.size(); ++n) {
    if (!goes_on[n]) drop(beams[n]);
  }
  return next;
}

void CacheManager::publish(SequenceId id, Index computed) {
  Sequence& sequence = on_device(id);
  if (computed < 0 || computed > room(id)) {
    throw InvalidArgument("computed", std::to_string(computed),
                          "0 to the " + std::to_string(room(id)) + " tokens that have room");
  }
  const auto full = static_cast<std::size_t>(computed / block_size_);
  if (!prefixes_ || full <= sequence.published) return;
  const auto all = prefixes_->insert(sequence.tokens, std::span(sequence.table).first(full));
  // Where another sequence was first with the same tokens, its blocks serve both.
  for (std::size_t n = sequence.published; n < full; ++n) {
    if (sequence.table[n] == all[n]) continue;
    pool_.retain(all[n]);
    pool_.release(std::exchange(sequence.table[n], all[n]));
  }
  while (sequence.published < full && pool_.kept(all[sequence.published])) ++sequence.published;
}

void CacheManager::finish(SequenceId id, Index computed) {
  if (!at(id).on_host) publish(id, computed);
  const Sequence& sequence = at(id);
  (sequence.on_host ? host_ : pool_).release(sequence.table);
  sequences_.erase(id);
}

// What the prefix cache keeps stays there; the sequences take copies with them.
std::vector<BlockCopy> CacheManager::move(std::span<const SequenceId> ids, bool to_host) {
  BlockPool &from = to_host ? pool_ : host_, &to = to_host ? host_ : pool_;
  constexpr BlockId kNowhere = -1;
  std::unordered_map<BlockId, BlockId> places;
  for (const SequenceId id : ids) {
    if (at(id).on_host == to_host) {
      throw InvalidArgument("sequence", std::to_string(id),
                            to_host ? "one that is not swapped out" : "one that is swapped out");
    }
    for (const BlockId block : at(id).table) places.emplace(block, kNowhere);
  }
  const auto wanted = static_cast<Index>(places.size());
  if (!to_host) make_free(wanted);
  if (wanted > to.free()) throw OutOfBlocks(wanted, to.free());
  std::vector<BlockCopy> copies;
  for (const SequenceId id : ids) {
    Sequence& sequence = at(id);
    if (std::exchange(sequence.on_host, to_host) == to_host) continue;  // named twice
    for (BlockId& block : sequence.table) {
      BlockId& place = places.at(block);
      if (place == kNowhere) {
        place = to.allocate();
        copies.push_back({block, place, block_size_});
      } else {
        to.retain(place);
      }
    }
    std::vector<BlockId> left = sequence.table;
    for (BlockId& block : sequence.table) block = places.at(block);
    from.release(left);
    sequence.published = 0;
  }
  return copies;
}

void CacheManager::check() const {
  if (prefixes_) prefixes_->check();
  std::vector<Index> holders(static_cast<std::size_t>(pool_.size()), 0),
      host_holders(static_cast<std::size_t>(host_.size()), 0);
  for (const auto& [id, sequence] : sequences_) {
    for (std::size_t n = 0; n < sequence.table.size(); ++n) {
      const BlockId block = sequence.table[n];
      ++(sequence.on_host ? host_holders : holders).at(static_cast<std::size_t>(block));
      require_invariant(n >= sequence.published || pool_.kept(block), "what is published is kept");
    }
    require_invariant(
        static_cast<Index>(sequence.table.size()) <= blocks_for(static_cast<Index>(sequence.tokens.size())),
        "no sequence has a block more than its tokens need");
  }
  const auto matches = [](const BlockPool& pool, const std::vector<Index>& counted) {
    Index free = 0, idle = 0;
    for (std::size_t n = 0; n < counted.size(); ++n) {
      const auto block = static_cast<BlockId>(n);
      require_invariant(pool.holders(block) == counted[n], "as many holders as tables that name the block");
      if (counted[n] == 0) ++(pool.kept(block) ? idle : free);
    }
    require_invariant(free == pool.free() && idle == pool.idle(), "no block is lost");
  };
  matches(pool_, holders);
  matches(host_, host_holders);
}

}  // namespace attnlab::kv
