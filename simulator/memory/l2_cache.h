// The L2 cache of the GPU and the DRAM behind it: sets of 128-byte lines, each 32-byte sector valid and dirty
// on its own, the least recently used line of a set leaving first.
//
// It is written back and allocates on loads and stores. A load fills the sectors that it lacks from DRAM. A
// store fills nothing: bytes of a sector that were not written stay masked until the sector is whole or
// leaves, as on the GPU, where kernels that write each of their sectors in pieces read nothing from DRAM for
// it. The model does not see bytes, so a written sector counts as whole from then on. An atomic needs the old
// value: it fills its sectors, and leaves them dirty. A dirty sector that leaves is written to DRAM. The
// cache starts empty.
#pragma once

#include <cstdint>
#include <vector>

#include "simulator/memory/geometry.h"

namespace attnlab::memory {

class L2Cache {
 public:
  // Throws InvalidArgument when the ways are not 1 to 64, the share of it that distinct data can use is not
  // in (0, 1], dram_bytes neither 32 nor 64, or not one set is left.
  explicit L2Cache(const Geometry& geometry);

  // Each for the sectors of one line; the result are those of them that were there.
  unsigned load(std::uint32_t line, unsigned mask);
  unsigned store(std::uint32_t line, unsigned mask);
  unsigned update(std::uint32_t line, unsigned mask);  // an atomic

  std::uint64_t dram_sectors_read() const { return dram_sectors_read_; }
  std::uint64_t dram_sectors_written() const { return dram_sectors_written_; }
  std::uint64_t dirty_sectors() const;  // that are still here

 private:
  // An entry: the line's index << 8 | dirty sectors << 4 | valid sectors. A set's come newest first.
  using Entry = std::uint64_t;
  static constexpr Entry kEmpty = Entry{0xffffffff} << 8;

  std::size_t set_of(std::uint32_t line) const;
  Entry& to_front(std::uint32_t line);
  void fill(Entry& entry, unsigned mask);

  std::vector<Entry> entries_;
  unsigned ways_;
  // Sets are 2^low_bits_ x groups_.
  unsigned low_bits_ = 0;
  std::uint32_t groups_ = 1;
  bool hashed_, pairs_;
  std::uint64_t dram_sectors_read_ = 0, dram_sectors_written_ = 0;
};

}  // namespace attnlab::memory
