#include "simulator/memory/l1_cache.h"

#include <algorithm>
#include <bit>
#include <string>

#include "reference/core/errors.h"
#include "simulator/memory/request_stream.h"

namespace attnlab::memory {

L1Cache::L1Cache(std::uint64_t bytes, unsigned generation, unsigned spare) : length_(generation) {
  const std::uint64_t lines = bytes / kLineBytes;
  if (lines >= kNowhere) {
    throw InvalidArgument("L1 cache", std::to_string(bytes) + " bytes", "fewer than 65535 lines");
  }
  if (generation == 0) throw InvalidArgument("lines of an L1 generation", "0", "at least 1");
  capacity_ = lines > spare ? static_cast<std::uint32_t>(lines) - spare : 0;
  if (capacity_ == 0) return;
  lines_.resize(capacity_);
  const auto buckets = std::bit_ceil(std::max(2u, 2 * capacity_));
  buckets_.assign(buckets, kNowhere);
  bucket_shift_ = 32 - std::countr_zero(buckets);
  // A generation ends with the coming of its last line or alone. Once it has ended, its lines are the next to
  // leave but for older ones, so at most capacity_ lines come before it is gone, after as many while the
  // cache fills.
  generations_.resize(2 * (capacity_ / length_) + 4);
}

L1Cache::Place L1Cache::find(std::uint32_t line) const {
  Place place = buckets_[bucket_of(line)];
  while (place != kNowhere && lines_[place].line != line) place = lines_[place].next_in_bucket;
  return place;
}

void L1Cache::join(Place place) {
  std::vector<Place>& all = members(generation_);
  lines_[place].generation = generation_;
  lines_[place].rank = static_cast<Place>(all.size());
  all.push_back(place);
}

void L1Cache::leave(Place place) {
  std::vector<Place>& all = members(lines_[place].generation);
  all[lines_[place].rank] = all.back();
  lines_[all.back()].rank = lines_[place].rank;
  all.pop_back();
}

L1Cache::Place L1Cache::room() {
  if (used_ < capacity_) return static_cast<Place>(used_++);
  while (members(oldest_).empty()) ++oldest_;
  if (oldest_ == generation_) end_generation();
  random_ ^= random_ << 13;  // Marsaglia's xorshift
  random_ ^= random_ >> 17;
  random_ ^= random_ << 5;
  const std::vector<Place>& old = members(oldest_);
  const Place place = old[(random_ >> 8) % old.size()];
  leave(place);
  forget(place);
  return place;
}

void L1Cache::end_generation() {
  ++generation_;
  came_ = 0;
}

void L1Cache::forget(Place place) {
  Place* link = &buckets_[bucket_of(lines_[place].line)];
  while (*link != place) link = &lines_[*link].next_in_bucket;
  *link = lines_[place].next_in_bucket;
}

unsigned L1Cache::load(std::uint32_t line, unsigned mask) {
  if (capacity_ == 0) return 0;
  if (const Place place = find(line); place != kNowhere) {
    Line& l = lines_[place];
    const unsigned hits = l.valid & mask;
    l.valid = static_cast<std::uint8_t>(l.valid | mask);
    if (l.generation != generation_) {
      leave(place);
      join(place);
    }
    return hits;
  }
  const Place place = room();
  Place& bucket = buckets_[bucket_of(line)];
  lines_[place].line = line;
  lines_[place].valid = static_cast<std::uint8_t>(mask);
  lines_[place].next_in_bucket = bucket;
  bucket = place;
  join(place);
  if (++came_ == length_) end_generation();
  return 0;
}

void L1Cache::invalidate(std::uint32_t line, unsigned mask) {
  if (capacity_ == 0) return;
  const Place place = find(line);
  if (place != kNowhere) lines_[place].valid = static_cast<std::uint8_t>(lines_[place].valid & ~mask);
}

}  // namespace attnlab::memory
