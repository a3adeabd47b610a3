// The replacement policy of the L1 (l1_cache.h): which line is evicted.
//
// 1. Draw four lines at random.
// 2. Were all four touched since they were inserted? Evict the oldest of them, and clear the mark of the
//    other three.
// 3. Otherwise draw four more. Evict the oldest of all eight that was not touched.
//
// So lines that are touched again stay, and lines that are loaded once go. Jaleel et al., "High performance
// cache replacement using re-reference interval prediction" (2010), describe policies of this kind.
//
// NVIDIA publishes no policy. This one was fitted to an H200's answers (cuda/probes/h200_probe.csv):
// - Blocks load rows of 1,024 to 8,192 numbers a few times, while rows of finished blocks still fill the L1:
//   sectors from the L2 are within 7 % of the H200's, in the mean.
// - Random loads: the same hit rate.
// - Its worst case is a kernel that loads a little more than the L1 holds, over and over: an H200 misses up
//   to a fifth of the loads more, or less.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "simulator/memory/random_bits.h"

namespace attnlab::memory {

class Replacement {
 public:
  using Place = std::uint16_t;  // of a line in its cache

  explicit Replacement(std::uint32_t places) : lines_(places) {}

  // A line was inserted at this place, which was free.
  void insert(Place place) { lines_[place] = now_++ & kAges; }
  // The line at this place was hit.
  void touch(Place place) { lines_[place] = kTouched | (now_ & kAges); }
  // The place of the line to evict. All places are taken.
  Place evict() {
    Place drawn[kDrawn];
    Candidate victim = 0;
    for (unsigned n = 0; n < kDrawn; ++n) victim = std::max(victim, candidate(drawn[n] = draw(), n));
    if ((victim >> 32 & kTouched) == 0)  // all four were touched
      for (const Place place : drawn) lines_[place] &= kAges;
    else
      for (unsigned n = 0; n < kDrawn; ++n) victim = std::max(victim, candidate(draw(), kDrawn + n));
    return static_cast<Place>(victim);
  }
  // Fetches all of this into the processor's caches. (Functions that only prefetch must be inlined: g++ 12
  // finds that they have no effect, and drops calls of them.)
  [[gnu::always_inline]] void prefetch() const {
    for (std::size_t n = 0; n < lines_.size(); n += 64 / sizeof(Line)) __builtin_prefetch(&lines_[n], 1);
  }

 private:
  static constexpr unsigned kDrawn = 4;
  // Of a line: the time of its last use, modulo 2^31. The highest bit is the mark: touched since it was
  // inserted, or since the mark was cleared. Time is the number of lines inserted so far.
  using Line = std::uint32_t;
  static constexpr Line kTouched = Line{1} << 31, kAges = kTouched - 1;

  // A line as one number: the largest is evicted. From high to low: not touched, age, drawn first, place.
  using Candidate = std::uint64_t;
  Candidate candidate(Place place, unsigned drawn_before) const {
    const Line line = lines_[place], age = (now_ - line) & kAges;
    return Candidate{age | (~line & kTouched)} << 32 | (0xffff - drawn_before) << 16 | place;
  }
  Place draw() { return static_cast<Place>(random_() * static_cast<std::uint64_t>(lines_.size()) >> 24); }

  std::vector<Line> lines_;  // by place
  std::uint32_t now_ = 0;    // lines inserted so far
  RandomBits random_;
};

}  // namespace attnlab::memory
