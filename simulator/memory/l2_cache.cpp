#include "simulator/memory/l2_cache.h"

#include <bit>
#include <cstring>
#include <string>

#include "reference/core/errors.h"
#include "simulator/memory/request_stream.h"

namespace attnlab::memory {
namespace {

// The sectors of every aligned pair of which one is in the mask.
unsigned whole_pairs(unsigned mask) { return mask | (mask & 5) << 1 | (mask & 10) >> 1; }

[[noreturn, gnu::cold]] void refuse(std::uint32_t line) {
  throw InvalidArgument("line of memory", std::to_string(line),
                        "less than 2^24 - 1 times the sets of the L2, which is too small");
}

}  // namespace

L2Cache::L2Cache(const Geometry& g)
    : ways_(g.l2_ways),
      partitions_(g.l2_partitions),
      hashed_(g.l2_hashed),
      pairs_(g.dram_bytes == 2 * kSectorBytes) {
  if (g.l2_ways < 1 || g.l2_ways > kMostWays)
    throw InvalidArgument("L2 ways", std::to_string(g.l2_ways), "1 to " + std::to_string(kMostWays));
  if (!(g.l2_effective_fraction > 0 && g.l2_effective_fraction <= 1)) {
    throw InvalidArgument("effective fraction of the L2", std::to_string(g.l2_effective_fraction),
                          "more than 0, at most 1");
  }
  if (g.l2_partitions != 1 && g.l2_partitions != 2)
    throw InvalidArgument("partitions of the L2", std::to_string(g.l2_partitions), "1 or 2");
  if (g.dram_bytes != kSectorBytes && !pairs_)
    throw InvalidArgument("DRAM access", std::to_string(g.dram_bytes) + " bytes", "32 or 64");
  const auto bytes = static_cast<std::uint64_t>(static_cast<double>(g.l2_bytes) * g.l2_effective_fraction);
  const std::uint64_t sets = bytes / partitions_ / kLineBytes / g.l2_ways;
  if (sets < 1 || sets > UINT32_MAX) {
    throw InvalidArgument(
        "L2 cache", std::to_string(bytes) + " bytes",
        "at least one set of " + std::to_string(g.l2_ways) + " lines in a partition, and below 2^32");
  }
  low_bits_ = static_cast<unsigned>(std::countr_zero(sets));
  groups_ = static_cast<std::uint32_t>(sets >> low_bits_);
  Set empty;
  empty.entries.fill(kNoTag << 8);
  sets_.assign(partitions_ * sets, empty);
}

// Touches the line's entry in a partition: it becomes the first of its set. On a miss the last entry of the
// set is evicted, and a new one without valid sectors inserted. All ways are compared, and moved, at once.
inline L2Cache::Entry& L2Cache::to_front(unsigned partition, std::uint32_t line) {
  typedef Entry Ways __attribute__((vector_size(sizeof(Set))));
  constexpr Ways kWay{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const Place place = place_of(line);
  if (place.tag >= kNoTag) refuse(line);
  auto& entries = set(partition, place).entries;
  if (entries[0] >> 8 == place.tag) return entries[0];
  unsigned hits = 0;  // one bit per way
  for (unsigned way = 0; way < kMostWays; ++way) hits |= (entries[way] >> 8 == place.tag ? 1u : 0u) << way;
  const unsigned found = hits != 0 ? static_cast<unsigned>(std::countr_zero(hits)) : ways_ - 1;
  Entry entry = entries[found];
  if (hits == 0) {
    dram_sectors_written_ += static_cast<unsigned>(std::popcount(entry >> 4 & kWholeLine));
    entry = place.tag << 8;
  }
  Ways ways;
  std::memcpy(&ways, entries.data(), sizeof ways);
  const Ways moved =
      __builtin_shufflevector(ways, ways, 15, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14);
  ways = kWay <= found ? moved : ways;
  std::memcpy(entries.data(), &ways, sizeof ways);
  return entries[0] = entry;
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

// A write makes the copy in the other partition invalid.
void L2Cache::invalidate_copy(std::uint32_t line, unsigned mask) {
  if (partitions_ == 1) return;
  const Place place = place_of(line);
  for (Entry& entry : set(1 - home_of(line), place).entries)
    if (entry >> 8 == place.tag) entry &= ~Entry{mask};
}

unsigned L2Cache::store(std::uint32_t line, unsigned mask) {
  invalidate_copy(line, mask);
  Entry& entry = to_front(home_of(line), line);
  const unsigned hits = static_cast<unsigned>(entry) & mask;
  entry |= mask | mask << 4;
  return hits;
}

unsigned L2Cache::update(std::uint32_t line, unsigned mask) {
  invalidate_copy(line, mask);
  Entry& entry = to_front(home_of(line), line);
  const unsigned hits = static_cast<unsigned>(entry) & mask;
  fill(entry, mask);
  entry |= mask << 4;
  return hits;
}

std::uint64_t L2Cache::dirty_sectors() const {
  std::uint64_t sum = 0;
  for (const Set& set : sets_) {
    for (const Entry entry : set.entries)
      sum += static_cast<unsigned>(std::popcount(entry >> 4 & kWholeLine));
  }
  return sum;
}

}  // namespace attnlab::memory
