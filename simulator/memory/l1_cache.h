// The L1 data cache of one SM: 128-byte lines with one valid bit per 32-byte sector. replacement.h decides
// which line is evicted. The cache starts empty.
//
// Stores are written through to the L2, and also insert what they wrote. An H200's counters show this:
// FlashAttention-1 stores its state and loads it in the next step, and nothing of it is fetched from the L2
// while it fits. A sector that was written only in part counts as valid.
#pragma once

#include <cstdint>
#include <vector>

#include "simulator/memory/replacement.h"

namespace attnlab::memory {

class L1Cache {
 public:
  // spare: lines out of `bytes` that are never used. A cache smaller than a line holds nothing. Throws
  // InvalidArgument beyond 65,534 lines, more than any SM has.
  explicit L1Cache(std::uint64_t bytes, unsigned spare = 0);

  // Loads sectors of a line. Returns the mask of those that hit; the others are inserted.
  unsigned load(std::uint32_t line, unsigned mask);
  // Stores sectors of a line. The caller sends them to the L2 too.
  void store(std::uint32_t line, unsigned mask) { load(line, mask); }
  // Fetches all of this object, some 40 KB, into the processor's caches, before many lines are asked for.
  // All at once is faster than line by line, where the bucket, the place and the place's old bucket must be
  // fetched one after the other. (Inlined: see Replacement::prefetch.)
  [[gnu::always_inline]] void prefetch() const {
    for (std::size_t n = 0; n < lines_.size(); n += 64 / sizeof(Line)) __builtin_prefetch(&lines_[n], 1);
    for (std::size_t n = 0; n < buckets_.size(); n += 64 / sizeof(Place)) __builtin_prefetch(&buckets_[n], 1);
    order_.prefetch();
  }
  // Invalidates sectors: an atomic changed them in the L2.
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
