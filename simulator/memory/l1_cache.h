// The L1 data cache of one SM: sets of 128-byte lines with a valid bit a 32-byte sector, the least recently
// used line of a set leaving first.
//
// It is written through, and a store leaves what it wrote behind, as an H200's counters show:
// FlashAttention-1, which stores its state and loads it in the next step, fetches none of it from the L2
// while it fits. A sector that was written in part counts as whole. The cache starts empty.
#pragma once

#include <cstdint>
#include <vector>

namespace attnlab::memory {

class L1Cache {
 public:
  // ways: lines of a set; 0: one set. A cache smaller than a line holds nothing. Throws InvalidArgument
  // beyond 65,534 lines, more than any SM has.
  L1Cache(std::uint64_t bytes, unsigned ways);

  // Loads sectors of a line; the result are those of them that were there.
  unsigned load(std::uint32_t line, unsigned mask);
  // Stores sectors of a line. What is written goes to the L2 all the same.
  void store(std::uint32_t line, unsigned mask) { load(line, mask); }
  // Drops sectors: an atomic changed them in the L2.
  void invalidate(std::uint32_t line, unsigned mask);

 private:
  using Place = std::uint16_t;  // of a line in lines_, or past them the head of a set's list
  static constexpr Place kNowhere = 0xffff;

  // Two chains run through the lines: that of a hash bucket, and a ring a set from the newest to the oldest.
  struct Line {
    std::uint32_t line = 0;
    Place newer = kNowhere, older = kNowhere, next_in_bucket = kNowhere;
    std::uint8_t valid = 0;
  };

  std::uint32_t bucket_of(std::uint32_t line) const { return (line * 0x9e3779b1u) >> bucket_shift_; }
  Place find(std::uint32_t line) const;
  void unlink(Place place);
  void put_first(Place place, Place head);
  void forget(Place place);

  std::vector<Line> lines_;     // those of set 0, set 1, ...; then a head a set
  std::vector<Place> buckets_;  // the first line of each
  std::uint32_t sets_ = 1, capacity_ = 0;
  int bucket_shift_ = 31;
};

}  // namespace attnlab::memory
