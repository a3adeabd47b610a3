#include "simulator/memory/request_stream.h"

#include <algorithm>
#include <vector>

namespace attnlab::memory {

void RequestStream::reserve(std::uint64_t more) {
  if (size_ + more <= capacity_) return;
  capacity_ = std::max<std::uint64_t>(256, std::max(size_ + more, capacity_ + capacity_ / 2));
  auto larger = std::make_unique_for_overwrite<std::uint8_t[]>(capacity_);
  if (size_ != 0) std::memcpy(larger.get(), data_.get(), size_);
  data_ = std::move(larger);
}

void RequestStream::shrink() {
  if (capacity_ == size_) return;
  capacity_ = size_;
  auto exact = std::make_unique_for_overwrite<std::uint8_t[]>(size_);
  if (size_ != 0) std::memcpy(exact.get(), data_.get(), size_);
  data_ = std::move(exact);
}

void RequestStream::put(std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) data_[size_++] = static_cast<std::uint8_t>(value | 0x80);
  data_[size_++] = static_cast<std::uint8_t>(value);
}

RequestStream::Shape RequestStream::shape_of(std::span<const std::uint32_t> sectors) {
  const auto count = static_cast<std::uint32_t>(sectors.size());
  const Shape list{0, count, 0};
  std::uint32_t length = 1;
  while (length < count && sectors[length] == sectors[0] + length) ++length;
  if (length == count) return {length, 1, 0};
  if (count % length != 0) return list;
  const std::uint32_t distance = sectors[length] - sectors[0];
  for (std::uint32_t n = length; n < count; ++n)
    if (sectors[n] != sectors[n - length] + distance || sectors[n] < sectors[n - 1]) return list;
  return {length, count / length, distance};
}

void RequestStream::append(RequestKind kind, std::span<const std::uint32_t> sectors) {
  if (sectors.empty()) return;
  const Shape shape = shape_of(sectors);
  const bool list = shape.length == 0;
  if (list && !std::is_sorted(sectors.begin(), sectors.end())) return append_unsorted(kind, sectors);
  reserve(list ? 16 + 5 * sectors.size() : 32);
  const bool same = shape == shape_;
  data_[size_++] = static_cast<std::uint8_t>(static_cast<std::uint8_t>(kind) | (same ? kSameShape : 0));
  // Zigzag: 0, -1, 1, -2, ... as 0, 1, 2, 3, ..., modulo 2^32, so that near is short either way.
  const std::uint32_t step = sectors[0] - last_;
  put((std::uint64_t{step} << 1 & 0xffffffff) ^ ((step >> 31) != 0 ? 0xffffffff : 0));
  if (!same) {
    put(shape.length);
    put(shape.repeats);
    if (!list && shape.repeats > 1) put(shape.distance);
  }
  if (list)
    for (std::size_t n = 1; n < sectors.size(); ++n) put(sectors[n] - sectors[n - 1]);
  last_ = sectors[0];
  shape_ = shape;
  ++requests_;
}

void RequestStream::append_unsorted(RequestKind kind, std::span<const std::uint32_t> sectors) {
  std::vector<std::uint32_t> sorted(sectors.begin(), sectors.end());
  std::sort(sorted.begin(), sorted.end());
  append(kind, sorted);
}

}  // namespace attnlab::memory
