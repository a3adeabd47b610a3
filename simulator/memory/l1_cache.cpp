#include "simulator/memory/l1_cache.h"

#include <algorithm>
#include <bit>
#include <string>

#include "reference/core/errors.h"
#include "simulator/memory/request_stream.h"

namespace attnlab::memory {

L1Cache::L1Cache(std::uint64_t bytes, unsigned ways) {
  std::uint64_t capacity = bytes / kLineBytes;
  const std::uint64_t in_set = ways == 0 ? std::max<std::uint64_t>(1, capacity) : ways;
  const std::uint64_t sets = capacity / in_set;
  capacity = sets * in_set;
  if (capacity + sets >= kNowhere) {
    throw InvalidArgument("L1 cache", std::to_string(bytes) + " bytes", "fewer than 65535 lines and sets");
  }
  sets_ = static_cast<std::uint32_t>(std::max<std::uint64_t>(1, sets));
  capacity_ = static_cast<std::uint32_t>(capacity);
  if (capacity_ == 0) return;
  lines_.resize(capacity_ + sets_);
  const auto buckets = std::bit_ceil(std::max(2u, 2 * capacity_));
  buckets_.assign(buckets, kNowhere);
  bucket_shift_ = 32 - std::countr_zero(buckets);
  for (std::uint32_t set = 0; set < sets_; ++set) {
    const auto head = static_cast<Place>(capacity_ + set);
    lines_[head].newer = lines_[head].older = head;
    for (std::uint32_t way = 0; way < capacity_ / sets_; ++way) {
      put_first(static_cast<Place>(set * (capacity_ / sets_) + way), head);
    }
  }
}

L1Cache::Place L1Cache::find(std::uint32_t line) const {
  Place place = buckets_[bucket_of(line)];
  while (place != kNowhere && lines_[place].line != line) place = lines_[place].next_in_bucket;
  return place;
}

void L1Cache::unlink(Place place) {
  const Line& l = lines_[place];
  lines_[l.newer].older = l.older;
  lines_[l.older].newer = l.newer;
}

// A head's older is the newest line, its newer the oldest.
void L1Cache::put_first(Place place, Place head) {
  Line& l = lines_[place];
  l.newer = head;
  l.older = lines_[head].older;
  lines_[l.older].newer = place;
  lines_[head].older = place;
}

void L1Cache::forget(Place place) {
  Place* link = &buckets_[bucket_of(lines_[place].line)];
  while (*link != place && *link != kNowhere) link = &lines_[*link].next_in_bucket;
  if (*link == place) *link = lines_[place].next_in_bucket;  // else it never held a line
}

unsigned L1Cache::load(std::uint32_t line, unsigned mask) {
  if (capacity_ == 0) return 0;
  const auto head = static_cast<Place>(capacity_ + line % sets_);
  Place place = find(line);
  unsigned hits = 0;
  if (place != kNowhere) {
    Line& l = lines_[place];
    hits = l.valid & mask;
    l.valid = static_cast<std::uint8_t>(l.valid | mask);
    if (lines_[head].older == place) return hits;
  } else {
    place = lines_[head].newer;
    forget(place);
    Line& l = lines_[place];
    l.line = line;
    l.valid = static_cast<std::uint8_t>(mask);
    Place& bucket = buckets_[bucket_of(line)];
    l.next_in_bucket = bucket;
    bucket = place;
  }
  unlink(place);
  put_first(place, head);
  return hits;
}

void L1Cache::invalidate(std::uint32_t line, unsigned mask) {
  if (capacity_ == 0) return;
  const Place place = find(line);
  if (place != kNowhere) lines_[place].valid = static_cast<std::uint8_t>(lines_[place].valid & ~mask);
}

}  // namespace attnlab::memory
