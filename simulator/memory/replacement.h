// Which line leaves an L1 (l1_cache.h). Four are drawn at random. If all four were used again since they
// came, the oldest leaves, and the other three count as not used from now on. Else four more are drawn, and
// of all eight the oldest leaves that was not used again. (Such policies protect what is used again from what
// streams by: Jaleel et al., "High performance cache replacement using re-reference interval prediction",
// 2010.)
//
// No policy is published. This one was found by its answers (cuda/counters/h200_probe.csv): where blocks load
// rows of 1,024 to 8,192 numbers a few times and finished blocks' rows are in the way of new ones, an H200
// fetches from the L2 what it says to 7 % in the mean, and random loads hit as often. It is worst at what no
// kernel should do, loading a little more than the L1 over and over: an H200 then misses up to a fifth of the
// loads more, or less.
#pragma once

#include <cstdint>
#include <vector>

namespace attnlab::memory {

class Replacement {
 public:
  using Place = std::uint16_t;  // of a line in its cache

  explicit Replacement(std::uint32_t places) : lines_(places) {}

  // A line comes into a place that is free.
  void come(Place place) { lines_[place] = {now_++, false}; }
  // The line of this place is used again.
  void use(Place place) { lines_[place] = {now_, true}; }
  // Frees one of the places, all of which are taken.
  Place leave() {
    Place first[kDrawn];
    Place gone = first[0] = draw();
    for (unsigned n = 1; n < kDrawn; ++n) gone = sooner(first[n] = draw(), gone);
    if (lines_[gone].used) {
      for (const Place place : first) lines_[place].used = false;
    } else {
      for (unsigned n = 0; n < kDrawn; ++n) gone = sooner(draw(), gone);
    }
    return gone;
  }
  // All of this will be asked for soon. (Functions that do nothing but prefetch must be inlined: g++ 12 finds
  // that they have no effect, and drops calls of them.)
  [[gnu::always_inline]] void prefetch() const {
    for (std::size_t n = 0; n < lines_.size(); n += 64 / sizeof(Line)) __builtin_prefetch(&lines_[n], 1);
  }

 private:
  static constexpr unsigned kDrawn = 4;
  struct Line {
    std::uint32_t last = 0;  // use, in lines that came before
    bool used = false;       // again, since it came or was spared
  };

  Place sooner(Place a, Place b) const {
    const Line &x = lines_[a], &y = lines_[b];
    return (x.used != y.used ? y.used : now_ - x.last > now_ - y.last) ? a : b;
  }
  Place draw() {
    random_ ^= random_ << 13;  // Marsaglia's xorshift
    random_ ^= random_ >> 17;
    random_ ^= random_ << 5;
    return static_cast<Place>((random_ >> 8) * static_cast<std::uint64_t>(lines_.size()) >> 24);
  }

  std::vector<Line> lines_;  // by place
  std::uint32_t now_ = 0;    // lines that came
  std::uint32_t random_ = 2463534242;
};

}  // namespace attnlab::memory
