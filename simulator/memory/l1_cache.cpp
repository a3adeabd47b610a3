#include "simulator/memory/l1_cache.h"

#include <algorithm>
#include <bit>
#include <string>

#include "reference/core/errors.h"
#include "simulator/memory/request_stream.h"

namespace attnlab::memory {
namespace {

std::uint32_t capacity(std::uint64_t bytes, unsigned spare) {
  const std::uint64_t lines = bytes / kLineBytes;
  if (lines >= 65535)
    throw InvalidArgument("L1 cache", std::to_string(bytes) + " bytes", "fewer than 65535 lines");
  return lines > spare ? static_cast<std::uint32_t>(lines) - spare : 0;
}

}  // namespace

L1Cache::L1Cache(std::uint64_t bytes, unsigned spare)
    : lines_(capacity(bytes, spare)), order_(static_cast<std::uint32_t>(lines_.size())) {
  // So many that most are empty: a processor predicts badly which are not.
  const auto buckets = std::bit_ceil(std::max<std::size_t>(2, 4 * lines_.size()));
  buckets_.assign(buckets, kNowhere);
  bucket_shift_ = 32 - std::countr_zero(buckets);
}

inline L1Cache::Place L1Cache::find(std::uint32_t line) const {
  Place place = buckets_[bucket_of(line)];
  while (place != kNowhere && lines_[place].line != line) place = lines_[place].next_in_bucket;
  return place;
}

inline void L1Cache::forget(Place place) {
  Place* link = &buckets_[bucket_of(lines_[place].line)];
  while (*link != place) link = &lines_[*link].next_in_bucket;
  *link = lines_[place].next_in_bucket;
}

unsigned L1Cache::load(std::uint32_t line, unsigned mask) {
  if (lines_.empty()) return 0;
  Place place = find(line);
  if (place != kNowhere) {
    Line& l = lines_[place];
    const unsigned hits = l.valid & mask;
    l.valid = static_cast<std::uint8_t>(l.valid | mask);
    order_.touch(place);
    return hits;
  }
  if (used_ < lines_.size()) {
    place = static_cast<Place>(used_++);
  } else {
    place = order_.evict();
    forget(place);
  }
  Place& bucket = buckets_[bucket_of(line)];
  lines_[place] = {line, bucket, static_cast<std::uint8_t>(mask)};
  bucket = place;
  order_.insert(place);
  return 0;
}

void L1Cache::invalidate(std::uint32_t line, unsigned mask) {
  const Place place = find(line);
  if (place != kNowhere) lines_[place].valid = static_cast<std::uint8_t>(lines_[place].valid & ~mask);
}

}  // namespace attnlab::memory
