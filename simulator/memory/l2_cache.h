// The L2 cache of the GPU and the DRAM behind it: sets of 128-byte lines, each 32-byte sector valid and dirty
// on its own, the least recently used line of a set leaving first.
//
// It may be two partitions, between a half of the SMs and a half of the memory each. An SM reads through its
// own partition, and what belongs to the other half of the memory (whose partition is its home) comes through
// there and stays in both. So the L2 holds half as much of what all SMs read. An H200 (62.9 MB) whose SMs all
// read the same four times misses, of the last three times, nothing of 28 MB, 56 % of 32 MB and 96 % of 36
// MB; the model none, 29 % and all. Of what one SM reads an H200 holds some 50 MB, the model 42
// (cuda/probes/h200_probe.csv). What is written lies at home alone.
//
// It is written back and allocates on loads and stores. A load fills the sectors that it lacks from DRAM. A
// store fills nothing: bytes of a sector that were not written stay masked until the sector is whole or
// leaves, as on the GPU, where kernels that write each of their sectors in pieces read nothing from DRAM for
// it. The model does not see bytes, so a written sector counts as whole from then on. An atomic needs the old
// value: it fills its sectors, and leaves them dirty. A dirty sector that leaves is written to DRAM. The
// cache starts empty.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "simulator/memory/geometry.h"

namespace attnlab::memory {

class L2Cache {
 public:
  // Throws InvalidArgument when the ways are not 1 to 16, the share of it that distinct data can use is not
  // in (0, 1], the partitions neither 1 nor 2, dram_bytes neither 32 nor 64, or not one set is left.
  explicit L2Cache(const Geometry& geometry);

  // The partition between a line and DRAM.
  unsigned home_of(std::uint32_t line) const { return partitions_ == 1 ? 0 : (line * 0x9e3779b1u) >> 31; }

  // The line will be asked for soon, through a side and from its home. (Inlined: see Replacement::prefetch.)
  [[gnu::always_inline]] void prefetch(unsigned side, std::uint32_t line) const {
    const Place place = place_of(line);
    __builtin_prefetch(&set(side, place), 1);
    __builtin_prefetch(&set(home_of(line), place), 1);
  }

  // Each for the sectors of one line; the result are those of them that were there. side: the partition of
  // the SM. Throw InvalidArgument for a line of memory more than 2^24 - 1 times as large as a way.
  unsigned load(unsigned side, std::uint32_t line, unsigned mask);
  unsigned store(std::uint32_t line, unsigned mask);
  unsigned update(std::uint32_t line, unsigned mask);  // an atomic

  std::uint64_t dram_sectors_read() const { return dram_sectors_read_; }
  std::uint64_t dram_sectors_written() const { return dram_sectors_written_; }
  std::uint64_t dirty_sectors() const;  // that are still here

 private:
  // An entry: the line's tag << 8 | dirty sectors << 4 | valid sectors.
  using Entry = std::uint32_t;
  static constexpr std::uint32_t kNoTag = 0xffffff;
  static constexpr unsigned kMostWays = 16;  // as on every GPU; a set is one line of the processor's cache
  // Newest first.
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
  void drop_copy(std::uint32_t line, unsigned mask);

  std::vector<Set> sets_;
  unsigned ways_, partitions_;
  // Sets of a partition are 2^low_bits_ x groups_.
  unsigned low_bits_ = 0;
  std::uint32_t groups_ = 1;
  bool hashed_, pairs_;
  std::uint64_t dram_sectors_read_ = 0, dram_sectors_written_ = 0;
};

}  // namespace attnlab::memory
