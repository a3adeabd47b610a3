#include "simulator/memory/l2_cache.h"

#include <bit>
#include <string>

#include "reference/core/errors.h"
#include "simulator/memory/request_stream.h"

namespace attnlab::memory {
namespace {

// The sectors of every aligned pair of which one is in the mask.
unsigned whole_pairs(unsigned mask) { return mask | (mask & 5) << 1 | (mask & 10) >> 1; }

}  // namespace

L2Cache::L2Cache(const Geometry& g)
    : ways_(g.l2_ways),
      partitions_(g.l2_partitions),
      hashed_(g.l2_hashed),
      pairs_(g.dram_bytes == 2 * kSectorBytes) {
  if (g.l2_ways < 1 || g.l2_ways > 64) throw InvalidArgument("L2 ways", std::to_string(g.l2_ways), "1 to 64");
  if (!(g.l2_effective_fraction > 0 && g.l2_effective_fraction <= 1)) {
    throw InvalidArgument("effective fraction of the L2", std::to_string(g.l2_effective_fraction),
                          "more than 0, at most 1");
  }
  if (g.l2_partitions != 1 && g.l2_partitions != 2) {
    throw InvalidArgument("partitions of the L2", std::to_string(g.l2_partitions), "1 or 2");
  }
  if (g.dram_bytes != kSectorBytes && !pairs_) {
    throw InvalidArgument("DRAM access", std::to_string(g.dram_bytes) + " bytes", "32 or 64");
  }
  const auto bytes = static_cast<std::uint64_t>(static_cast<double>(g.l2_bytes) * g.l2_effective_fraction);
  const std::uint64_t sets = bytes / partitions_ / kLineBytes / g.l2_ways;
  if (sets < 1 || sets > UINT32_MAX) {
    throw InvalidArgument(
        "L2 cache", std::to_string(bytes) + " bytes",
        "at least one set of " + std::to_string(g.l2_ways) + " lines in a partition, and below 2^32");
  }
  low_bits_ = static_cast<unsigned>(std::countr_zero(sets));
  groups_ = static_cast<std::uint32_t>(sets >> low_bits_);
  entries_.assign(partitions_ * sets * ways_, kEmpty);
}

// The line's entry in a partition, first of its set from now on. A new one is empty; the oldest leaves for
// it.
inline L2Cache::Entry& L2Cache::to_front(unsigned partition, std::uint32_t line) {
  Entry* const set = &entries_[set_of(partition, line)];
  Entry moved = set[0];
  if (moved >> 8 == line) return set[0];
  for (unsigned way = 1; way < ways_; ++way) {
    const Entry next = set[way];
    set[way] = moved;
    moved = next;
    if (moved >> 8 == line) return set[0] = moved;
  }
  dram_sectors_written_ += static_cast<unsigned>(std::popcount(moved >> 4 & kWholeLine));
  return set[0] = Entry{line} << 8;
}

void L2Cache::fill(Entry& entry, unsigned mask) {
  const unsigned valid = entry & kWholeLine;
  const unsigned fetched = (pairs_ ? whole_pairs(mask & ~valid) : mask) & ~valid;
  dram_sectors_read_ += static_cast<unsigned>(std::popcount(fetched));
  entry |= fetched;
}

unsigned L2Cache::load(unsigned side, std::uint32_t line, unsigned mask) {
  Entry& entry = to_front(side, line);
  unsigned hits = static_cast<unsigned>(entry) & mask;
  if (hits == mask) return hits;
  const unsigned home = home_of(line);
  if (home == side) {
    fill(entry, mask);
    return hits;
  }
  const unsigned missing = mask & ~hits;
  Entry& at_home = to_front(home, line);
  hits |= static_cast<unsigned>(at_home) & missing;
  fill(at_home, missing);
  entry |= missing;
  return hits;
}

// What was written makes a copy in the other partition out of date.
void L2Cache::drop_copy(std::uint32_t line, unsigned mask) {
  if (partitions_ == 1) return;
  Entry* const set = &entries_[set_of(1 - home_of(line), line)];
  for (unsigned way = 0; way < ways_; ++way) {
    if (set[way] >> 8 == line) set[way] &= ~Entry{mask};
  }
}

unsigned L2Cache::store(std::uint32_t line, unsigned mask) {
  drop_copy(line, mask);
  Entry& entry = to_front(home_of(line), line);
  const unsigned hits = static_cast<unsigned>(entry) & mask;
  entry |= mask | mask << 4;
  return hits;
}

unsigned L2Cache::update(std::uint32_t line, unsigned mask) {
  drop_copy(line, mask);
  Entry& entry = to_front(home_of(line), line);
  const unsigned hits = static_cast<unsigned>(entry) & mask;
  fill(entry, mask);
  entry |= mask << 4;
  return hits;
}

std::uint64_t L2Cache::dirty_sectors() const {
  std::uint64_t sum = 0;
  for (const Entry entry : entries_) sum += static_cast<unsigned>(std::popcount(entry >> 4 & kWholeLine));
  return sum;
}

}  // namespace attnlab::memory
