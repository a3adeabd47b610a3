#include "reference/kv/hash_cache.h"

#include <algorithm>

namespace attnlab::kv {
namespace {

// FNV-1a over the words of a block, begun with the hash of the beginning before it.
std::uint64_t hash_of(std::uint64_t before, std::span<const Token> tokens) {
  std::uint64_t hash = before ^ 0xCBF29CE484222325ULL;
  for (const Token token : tokens) hash = (hash ^ static_cast<std::uint32_t>(token)) * 0x100000001B3ULL;
  return hash ^ (hash >> 32);
}

}  // namespace

HashCache::Entry* HashCache::find(std::uint64_t hash, BlockId before, std::span<const Token> tokens) {
  const auto [first, last] = entries_.equal_range(hash);
  for (auto at = first; at != last; ++at) {
    if (at->second.before == before && std::ranges::equal(at->second.tokens, tokens)) return &at->second;
  }
  return nullptr;
}

void HashCache::on_idle(BlockId block) {
  Entry* entry = by_block_.at(block);
  entry->waits = waiting_.insert(waiting_.end(), entry);
}

void HashCache::on_held(BlockId block) { waiting_.erase(by_block_.at(block)->waits); }

std::vector<BlockId> HashCache::match(std::span<const Token> tokens) {
  std::vector<BlockId> known;
  const auto size = static_cast<std::size_t>(block_size_);
  std::uint64_t hash = 0;
  for (; tokens.size() >= size; tokens = tokens.subspan(size)) {
    hash = hash_of(hash, tokens.first(size));
    const Entry* entry = find(hash, known.empty() ? kNone : known.back(), tokens.first(size));
    if (entry == nullptr) break;
    known.push_back(entry->block);
  }
  // Used now: to the end of the line, the last block first.
  for (auto block = known.rbegin(); block != known.rend(); ++block) {
    if (pool_.holders(*block) == 0) waiting_.splice(waiting_.end(), waiting_, by_block_.at(*block)->waits);
  }
  return known;
}

std::vector<BlockId> HashCache::insert(std::span<const Token> tokens, std::span<const BlockId> blocks) {
  require_full(tokens, blocks);
  const auto size = static_cast<std::size_t>(block_size_);
  std::vector<BlockId> all = match(tokens.first(blocks.size() * size));
  std::uint64_t hash = all.empty() ? 0 : by_block_.at(all.back())->hash;
  for (const BlockId block : fresh(blocks, all.size())) {
    const auto own = tokens.subspan(all.size() * size, size);
    hash = hash_of(hash, own);
    const BlockId before = all.empty() ? kNone : all.back();
    auto& [key, entry] = *entries_.emplace(hash, Entry{hash, before, block, {own.begin(), own.end()}, {}});
    by_block_.emplace(block, &entry);
    pool_.keep(block);
    ++kept_;
    all.push_back(block);
  }
  all.insert(all.end(), blocks.begin() + static_cast<Index>(all.size()), blocks.end());
  return all;
}

void HashCache::forget(Entry& entry) {
  waiting_.erase(entry.waits);
  by_block_.erase(entry.block);
  const auto [first, last] = entries_.equal_range(entry.hash);
  entries_.erase(std::find_if(first, last, [&](const auto& known) { return &known.second == &entry; }));
}

Index HashCache::evict(Index blocks) {
  Index freed = 0;
  for (; freed < blocks && !waiting_.empty(); ++freed) {
    pool_.let_go(waiting_.front()->block);
    forget(*waiting_.front());
  }
  kept_ -= freed;
  return freed;
}

void HashCache::check() const {
  Index idle = 0;
  for (const auto& [hash, entry] : entries_) {
    require_invariant(pool_.kept(entry.block), "the pool knows which blocks are kept");
    require_invariant(by_block_.at(entry.block) == &entry, "a block is kept for one beginning");
    const Index holders = pool_.holders(entry.block);
    idle += holders == 0 ? 1 : 0;
    if (entry.before == kNone) continue;
    require_invariant(by_block_.contains(entry.before),
                      "what is kept can be found: the block before is kept");
    require_invariant(holders <= pool_.holders(entry.before), "who holds a block holds those before");
  }
  require_invariant(static_cast<Index>(entries_.size()) == kept_ && by_block_.size() == entries_.size(),
                    "the number of blocks that are kept");
  require_invariant(static_cast<Index>(waiting_.size()) == idle && idle == pool_.idle(),
                    "what is idle waits");
}

}  // namespace attnlab::kv
