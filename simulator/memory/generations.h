// Which line leaves an L1 (l1_cache.h): lines are as old as the generation in which they were last used. A
// generation ends when so many lines have come in, or when no older line is left; a random line of the oldest
// one leaves. An H200 that loads a little more than its L1 holds, over and over, hits about as this rule does
// (cuda/counters/h200_probe.csv), where least recently used would always miss.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace attnlab::memory {

class Generations {
 public:
  using Place = std::uint16_t;  // of a line in its cache

  // places: of the cache; length: lines that come in during a generation, at least 1.
  // A generation ends with the coming of its last line or alone. Once it has ended, its lines are the next to
  // leave but for older ones, so at most `places` lines come before it is gone, after as many while the cache
  // fills: so many generations live at once.
  Generations(std::uint32_t places, std::uint32_t length)
      : members_(std::bit_ceil(2 * (places / length) + 4)), lines_(places), length_(length) {}

  // A line comes into a place that is free.
  void come(Place place) {
    join(place);
    if (++came_ == length_) end_generation();
  }
  // The line of this place is used again.
  void use(Place place) {
    const Line line = lines_[place];
    if (line.generation == generation_) return;
    remove(line.generation, line.rank);
    join(place);
  }
  // Frees one of the places, all of which are taken.
  Place leave() {
    while (members(oldest_).empty()) ++oldest_;
    if (oldest_ == generation_) end_generation();
    random_ ^= random_ << 13;  // Marsaglia's xorshift
    random_ ^= random_ >> 17;
    random_ ^= random_ << 5;
    const std::vector<Place>& old = members(oldest_);
    const std::uint32_t rank = (random_ >> 8) % static_cast<std::uint32_t>(old.size());
    const Place place = old[rank];
    remove(oldest_, rank);
    return place;
  }
  // All of this will be asked for soon. (Functions that do nothing but prefetch must be inlined: g++ 12 finds
  // that they have no effect, and drops calls of them.)
  [[gnu::always_inline]] void prefetch() const {
    for (std::size_t n = 0; n < lines_.size(); n += 64 / sizeof(Line)) __builtin_prefetch(&lines_[n], 1);
    const std::vector<Place>& old = members_[oldest_ & (members_.size() - 1)];
    for (std::size_t n = 0; n < old.size(); n += 64 / sizeof(Place)) __builtin_prefetch(&old[n], 1);
  }

 private:
  struct Line {
    std::uint32_t generation = 0;
    std::uint32_t rank = 0;  // among that one's members
  };

  std::vector<Place>& members(std::uint32_t generation) {
    return members_[generation & (members_.size() - 1)];
  }
  void join(Place place) {
    std::vector<Place>& all = members(generation_);
    lines_[place] = {generation_, static_cast<std::uint32_t>(all.size())};
    all.push_back(place);
  }
  void remove(std::uint32_t generation, std::uint32_t rank) {
    std::vector<Place>& all = members(generation);
    lines_[all.back()].rank = rank;
    all[rank] = all.back();
    all.pop_back();
  }
  void end_generation() {
    ++generation_;
    came_ = 0;
  }

  std::vector<std::vector<Place>> members_;    // of the generations that live, by their numbers' low bits
  std::vector<Line> lines_;                    // by place
  std::uint32_t length_, came_ = 0;            // lines that come in during a generation; during this one
  std::uint32_t oldest_ = 0, generation_ = 0;  // numbers of those that live; generation_: the present one
  std::uint32_t random_ = 2463534242;
};

}  // namespace attnlab::memory
