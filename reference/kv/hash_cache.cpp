#include "reference/kv/hash_cache.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "reference/core/checked.h"

namespace attnlab::kv {
namespace {

// FNV-1a over the words of a block, begun with the hash of the beginning before it.
std::uint64_t hash_of(std::uint64_t before, std::span<const Token> tokens) {
  std::uint64_t hash = before ^ 0xCBF29CE484222325ULL;
  for (const Token token : tokens) hash = (hash ^ static_cast<std::uint32_t>(token)) * 0x100000001B3ULL;
  return hash ^ (hash >> 32);
}

}  // namespace

HashCache::HashCache(BlockPool& pool, Index block_size)
    : PrefixCache(pool, block_size),
      entries_(static_cast<std::size_t>(pool.size())),
      tokens_(static_cast<std::size_t>(
          checked_multiply(entries_.size(), static_cast<std::uint64_t>(block_size), "block_size"))),
      buckets_(std::bit_ceil(2 * entries_.size() + 1), kNone) {
  pool.watch(this);
}

BlockId HashCache::find(std::uint64_t hash, BlockId before, std::span<const Token> tokens) const {
  BlockId block = buckets_[hash & (buckets_.size() - 1)];
  for (; block != kNone; block = entries_[at(block)].next) {
    const Entry& entry = entries_[at(block)];
    if (entry.hash == hash && entry.before == before && std::ranges::equal(tokens_of(block), tokens)) break;
  }
  return block;
}

// To the end of the line.
void HashCache::on_idle(BlockId block) {
  Entry& entry = entries_[at(block)];
  entry.waits = true;
  entry.older = newest_, entry.newer = kNone;
  (newest_ == kNone ? oldest_ : entries_[at(newest_)].newer) = block;
  newest_ = block;
}

void HashCache::on_held(BlockId block) {
  Entry& entry = entries_[at(block)];
  (entry.older == kNone ? oldest_ : entries_[at(entry.older)].newer) = entry.newer;
  (entry.newer == kNone ? newest_ : entries_[at(entry.newer)].older) = entry.older;
  entry.waits = false;
}

std::vector<BlockId> HashCache::match(std::span<const Token> tokens) {
  std::vector<BlockId> known;
  const auto size = static_cast<std::size_t>(block_size_);
  std::uint64_t hash = 0;
  for (; tokens.size() >= size; tokens = tokens.subspan(size)) {
    hash = hash_of(hash, tokens.first(size));
    const BlockId block = find(hash, known.empty() ? kNone : known.back(), tokens.first(size));
    if (block == kNone) break;
    known.push_back(block);
  }
  // Used now: to the end of the line, the last block first.
  for (auto block = known.rbegin(); block != known.rend(); ++block) {
    if (pool_.holders(*block) > 0) continue;
    on_held(*block);
    on_idle(*block);
  }
  return known;
}

std::vector<BlockId> HashCache::insert(std::span<const Token> tokens, std::span<const BlockId> blocks) {
  require_full(tokens, blocks);
  const auto size = static_cast<std::size_t>(block_size_);
  std::vector<BlockId> all = match(tokens.first(blocks.size() * size));
  all.reserve(blocks.size());
  std::uint64_t hash = all.empty() ? 0 : entries_[at(all.back())].hash;
  for (const BlockId block : fresh(blocks, all.size())) {
    const auto own = tokens.subspan(all.size() * size, size);
    hash = hash_of(hash, own);
    pool_.keep(block);
    Entry& entry = entries_[at(block)];
    entry.hash = hash, entry.before = all.empty() ? kNone : all.back();
    entry.next = std::exchange(bucket(hash), block);
    std::ranges::copy(own, tokens_.begin() + static_cast<Index>(at(block) * size));
    ++kept_;
    all.push_back(block);
  }
  all.insert(all.end(), blocks.begin() + static_cast<Index>(all.size()), blocks.end());
  return all;
}

void HashCache::forget(BlockId block) {
  on_held(block);
  BlockId* at_block = &bucket(entries_[at(block)].hash);
  while (*at_block != block) at_block = &entries_[at(*at_block)].next;
  *at_block = entries_[at(block)].next;
  --kept_;
}

Index HashCache::evict(Index blocks) {
  Index freed = 0;
  for (; freed < blocks && oldest_ != kNone; ++freed) {
    pool_.let_go(oldest_);
    forget(oldest_);
  }
  return freed;
}

void HashCache::check() const {
  Index idle = 0, kept = 0, waiting = 0;
  for (BlockId block = 0; block < pool_.size(); ++block) {
    if (!pool_.kept(block)) continue;
    ++kept;
    const Entry& entry = entries_[at(block)];
    const Index holders = pool_.holders(block);
    idle += holders == 0 ? 1 : 0;
    require_invariant(entry.waits == (holders == 0), "what is idle waits, and nothing else");
    require_invariant(find(entry.hash, entry.before, tokens_of(block)) == block,
                      "a block is kept for one beginning, and found by it");
    if (entry.before == kNone) continue;
    require_invariant(pool_.kept(entry.before), "what is kept can be found: the block before is kept");
    require_invariant(holders <= pool_.holders(entry.before), "who holds a block holds those before");
  }
  for (BlockId block = oldest_; block != kNone; block = entries_[at(block)].newer) ++waiting;
  require_invariant(kept == kept_, "the number of blocks that are kept");
  require_invariant(waiting == idle && idle == pool_.idle(), "no idle block is lost");
}

}  // namespace attnlab::kv
