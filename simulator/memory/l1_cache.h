// The L1 data cache of one SM: 128-byte lines with a valid bit a 32-byte sector. replacement.h says
// which line leaves.
//
// It is written through, and a store leaves what it wrote behind, as an H200's counters show:
// FlashAttention-1, which stores its state and loads it in the next step, fetches none of it from the L2
// while it fits. A sector that was written in part counts as whole. The cache starts empty.
#pragma once

#include <cstdint>
#include <vector>

#include "simulator/memory/replacement.h"

namespace attnlab::memory {

class L1Cache {
 public:
  // spare: lines of `bytes` that hold nothing. A cache smaller than a line holds nothing. Throws
  // InvalidArgument beyond 65,534 lines, more than any SM has.
  explicit L1Cache(std::uint64_t bytes, unsigned spare = 0);

  // Loads sectors of a line; the result are those of them that were there.
  unsigned load(std::uint32_t line, unsigned mask);
  // Stores sectors of a line. What is written goes to the L2 all the same.
  void store(std::uint32_t line, unsigned mask) { load(line, mask); }
  // Many lines will be asked for soon: fetches all of the cache, some 40 KB, into the processor's caches. It
  // is quickly done at once; line by line, each line's bucket, the place that it gets, and the bucket that
  // this place was in wait for one another. (Inlined: see Replacement::prefetch.)
  [[gnu::always_inline]] void prefetch() const {
    for (std::size_t n = 0; n < lines_.size(); n += 64 / sizeof(Line)) __builtin_prefetch(&lines_[n], 1);
    for (std::size_t n = 0; n < buckets_.size(); n += 64 / sizeof(Place)) {
      __builtin_prefetch(&buckets_[n], 1);
    }
    order_.prefetch();
  }
  // Drops sectors: an atomic changed them in the L2.
  void invalidate(std::uint32_t line, unsigned mask);

 private:
  using Place = Replacement::Place;  // in lines_
  static constexpr Place kNowhere = 0xffff;

  struct Line {
    std::uint32_t line = 0;
    Place next_in_bucket = kNowhere;
    std::uint8_t valid = 0;
  };

  std::uint32_t bucket_of(std::uint32_t line) const { return (line * 0x9e3779b1u) >> bucket_shift_; }
  Place find(std::uint32_t line) const;
  void forget(Place place);

  std::vector<Line> lines_;
  std::vector<Place> buckets_;  // the first line of each
  std::uint32_t used_ = 0;
  int bucket_shift_ = 31;
  Replacement order_;
};

}  // namespace attnlab::memory
