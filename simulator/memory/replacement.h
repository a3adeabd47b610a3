// Which line leaves an L1 (l1_cache.h). Four are drawn at random. If all four were used again since they
// came, the oldest leaves, and the other three count as not used from now on. Else four more are drawn, and
// of all eight the oldest leaves that was not used again. (Such policies protect what is used again from what
// streams by: Jaleel et al., "High performance cache replacement using re-reference interval prediction",
// 2010.)
//
// No policy is published. This one was found by its answers (cuda/probes/h200_probe.csv): where blocks load
// rows of 1,024 to 8,192 numbers a few times and finished blocks' rows are in the way of new ones, an H200
// fetches from the L2 what it says to 7 % in the mean, and random loads hit as often. It is worst at what no
// kernel should do, loading a little more than the L1 over and over: an H200 then misses up to a fifth of the
// loads more, or less.
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

  // A line comes into a place that is free.
  void come(Place place) { lines_[place] = now_++ & kAges; }
  // The line of this place is used again.
  void use(Place place) { lines_[place] = kUsed | (now_ & kAges); }
  // Frees one of the places, all of which are taken.
  Place leave() {
    Place drawn[kDrawn];
    Candidate gone = 0;
    for (unsigned n = 0; n < kDrawn; ++n) gone = std::max(gone, candidate(drawn[n] = draw(), n));
    if ((gone >> 32 & kUsed) == 0) {  // they all were
      for (const Place place : drawn) lines_[place] &= kAges;
    } else {
      for (unsigned n = 0; n < kDrawn; ++n) gone = std::max(gone, candidate(draw(), kDrawn + n));
    }
    return static_cast<Place>(gone);
  }
  // All of this will be asked for soon. (Functions that do nothing but prefetch must be inlined: g++ 12 finds
  // that they have no effect, and drops calls of them.)
  [[gnu::always_inline]] void prefetch() const {
    for (std::size_t n = 0; n < lines_.size(); n += 64 / sizeof(Line)) __builtin_prefetch(&lines_[n], 1);
  }

 private:
  static constexpr unsigned kDrawn = 4;
  // Of a line: its last use, in lines that came before, modulo 2^31; the highest bit: again, since it came or
  // was spared.
  using Line = std::uint32_t;
  static constexpr Line kUsed = Line{1} << 31, kAges = kUsed - 1;

  // A number that is the higher, the sooner a line leaves, and its place; of equals the first that was drawn.
  using Candidate = std::uint64_t;
  Candidate candidate(Place place, unsigned drawn_before) const {
    const Line line = lines_[place], age = (now_ - line) & kAges;
    return Candidate{age | (~line & kUsed)} << 32 | (0xffff - drawn_before) << 16 | place;
  }
  Place draw() { return static_cast<Place>(random_() * static_cast<std::uint64_t>(lines_.size()) >> 24); }

  std::vector<Line> lines_;  // by place
  std::uint32_t now_ = 0;    // lines that came
  RandomBits random_;
};

}  // namespace attnlab::memory
