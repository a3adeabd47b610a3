// The L2 cache of the GPU and the DRAM behind it: sets of 128-byte lines, with one valid and one dirty bit
// per 32-byte sector. The least recently used line of a set is evicted. The cache starts empty.
//
// Loads, stores and atomics all insert their line; the cache is written back:
//   load     a miss is filled from DRAM
//   store    nothing is filled. A GPU masks the bytes of a sector that were not written, so kernels that
//            write a sector in pieces read nothing from DRAM for it. The model does not see bytes: a sector
//            written in part counts as valid
//   atomic   needs the old value: a miss is filled from DRAM, and the sector becomes dirty
//   evict    dirty sectors are written to DRAM
//
// The L2 may have two partitions. Each belongs to half of the SMs and to half of the memory. A line's home is
// the partition that its memory belongs to. An SM reads through its own partition. If the line's home is the
// other one, the line is inserted in both, so the L2 holds only half as much of what all SMs read. Written
// lines are in their home only. All SMs of an H200 (62.9 MB) read the same data four times; misses in the
// last three rounds (cuda/probes/h200_probe.csv):
//             28 MB    32 MB    36 MB
//   H200        0 %     56 %     96 %
//   model       0 %     29 %    100 %
// Of what a single SM reads an H200 keeps some 50 MB, the model 42.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "simulator/memory/geometry.h"

namespace attnlab::memory {

class L2Cache {
 public:
  // Throws InvalidArgument unless there are 1 to 16 ways, an effective fraction in (0, 1], 1 or 2 partitions,
  // DRAM accesses of 32 or 64 bytes, and at least one set.
  explicit L2Cache(const Geometry& geometry);

  // The partition between a line and DRAM.
  unsigned home_of(std::uint32_t line) const { return partitions_ == 1 ? 0 : (line * 0x9e3779b1u) >> 31; }

  // Fetches the line's sets, of a side and of its home, into the processor's caches. (Inlined: see
  // Replacement::prefetch.)
  [[gnu::always_inline]] void prefetch(unsigned side, std::uint32_t line) const {
    const Place place = place_of(line);
    __builtin_prefetch(&set(side, place), 1);
    __builtin_prefetch(&set(home_of(line), place), 1);
  }

  // Each for sectors of one line; they return the mask of those that hit. side: the partition of the SM.
  // They throw InvalidArgument for a line of memory more than 2^24 - 1 times as large as a way.
  unsigned load(unsigned side, std::uint32_t line, unsigned mask);
  unsigned store(std::uint32_t line, unsigned mask);
  unsigned update(std::uint32_t line, unsigned mask);  // an atomic

  std::uint64_t dram_sectors_read() const { return dram_sectors_read_; }
  std::uint64_t dram_sectors_written() const { return dram_sectors_written_; }
  std::uint64_t dirty_sectors() const;  // not yet evicted

 private:
  // An entry: the line's tag << 8 | dirty sectors << 4 | valid sectors.
  using Entry = std::uint32_t;
  static constexpr std::uint32_t kNoTag = 0xffffff;
  static constexpr unsigned kMostWays = 16;  // as on every GPU; a set is one line of the processor's cache
  // The most recently used first.
  struct alignas(kMostWays * sizeof(Entry)) Set {
    std::array<Entry, kMostWays> entries;
  };

  // Where a line lies in a partition: which set, and which of the lines that fall into it.
  struct Place {
    std::size_t set;
    std::uint32_t tag;
  };
  // Consecutive lines fall into different sets, hashed or not. The hash permutes each aligned group of
  // 2^low_bits lines by an exclusive-or with a number that depends on the group, so that power-of-two strides
  // spread too.
  Place place_of(std::uint32_t line) const {
    const std::uint32_t low = line & ((1u << low_bits_) - 1), high = line >> low_bits_;
    std::uint32_t mixed = high * 0x9e3779b1u;
    mixed ^= mixed >> 15;
    const std::uint32_t turned = hashed_ ? low ^ (mixed & ((1u << low_bits_) - 1)) : low;
    return {(std::size_t{high % groups_} << low_bits_) + turned, high / groups_};
  }
  const Set& set(unsigned partition, Place place) const {
    return sets_[(std::size_t{partition} * groups_ << low_bits_) + place.set];
  }
  Set& set(unsigned partition, Place place) {
    return sets_[(std::size_t{partition} * groups_ << low_bits_) + place.set];
  }
  Entry& to_front(unsigned partition, std::uint32_t line);
  void fill(Entry& entry, unsigned mask);
  void invalidate_copy(std::uint32_t line, unsigned mask);

  std::vector<Set> sets_;
  unsigned ways_, partitions_;
  // Sets of a partition are 2^low_bits_ x groups_.
  unsigned low_bits_ = 0;
  std::uint32_t groups_ = 1;
  bool hashed_, pairs_;
  std::uint64_t dram_sectors_read_ = 0, dram_sectors_written_ = 0;
};

}  // namespace attnlab::memory
