// The L1 data cache of one SM: 128-byte lines with a valid bit a 32-byte sector.
//
// Which line leaves: lines are as old as the generation in which they were last used. A generation ends when
// so many lines have come in, or when no older line is left; a random line of the oldest one leaves. An H200
// that loads a little more than its L1 holds, over and over, hits about as this rule does
// (cuda/counters/h200_probe.csv), where least recently used would always miss.
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
  // generation: lines that come in during one, at least 1. spare: lines of `bytes` that hold nothing. A cache
  // smaller than a line holds nothing. Throws InvalidArgument beyond 65,534 lines, more than any SM has.
  L1Cache(std::uint64_t bytes, unsigned generation, unsigned spare = 0);

  // Loads sectors of a line; the result are those of them that were there.
  unsigned load(std::uint32_t line, unsigned mask);
  // Stores sectors of a line. What is written goes to the L2 all the same.
  void store(std::uint32_t line, unsigned mask) { load(line, mask); }
  // The line will be asked for soon.
  void prefetch(std::uint32_t line) const {
    if (capacity_ != 0) __builtin_prefetch(&buckets_[bucket_of(line)], 1);
  }
  // Drops sectors: an atomic changed them in the L2.
  void invalidate(std::uint32_t line, unsigned mask);

 private:
  using Place = std::uint16_t;  // of a line in lines_
  static constexpr Place kNowhere = 0xffff;

  struct Line {
    std::uint32_t line = 0, generation = 0;
    Place next_in_bucket = kNowhere;
    Place rank = 0;  // in its generation
    std::uint8_t valid = 0;
  };

  std::uint32_t bucket_of(std::uint32_t line) const { return (line * 0x9e3779b1u) >> bucket_shift_; }
  std::vector<Place>& members(std::uint32_t generation) {
    return generations_[generation % generations_.size()];
  }
  Place find(std::uint32_t line) const;
  void join(Place place);   // the present generation
  void leave(Place place);  // its generation
  Place room();             // for a line that comes in
  void forget(Place place);
  void end_generation();

  std::vector<Line> lines_;
  std::vector<Place> buckets_;                   // the first line of each
  std::vector<std::vector<Place>> generations_;  // those that live, by number modulo theirs
  std::uint32_t capacity_ = 0, used_ = 0;
  std::uint32_t length_, came_ = 0;            // lines that come in during a generation; during this one
  std::uint32_t oldest_ = 0, generation_ = 0;  // numbers of those that live; generation_: the present one
  std::uint32_t random_ = 2463534242;
  int bucket_shift_ = 31;
};

}  // namespace attnlab::memory
