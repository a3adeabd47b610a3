#include "oracle/buffers/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <new>
#include <string_view>

namespace attnlab::oracle {
namespace {

constexpr std::size_t kAlignment = 256;

std::size_t aligned(std::size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

// The first byte that differs from `byte`.
std::optional<std::size_t> first_other(std::span<const std::byte> bytes, std::byte byte) {
  if (bytes.empty()) return {};
  if (bytes[0] == byte && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0) return {};
  const auto found = std::find_if(bytes.begin(), bytes.end(), [&](std::byte b) { return b != byte; });
  return static_cast<std::size_t>(found - bytes.begin());
}

}  // namespace

Arena::Arena(std::span<const Region> regions, Poison poison) : poison_(static_cast<std::byte>(poison)) {
  std::size_t end = 0;
  for (const Region& region : regions) {
    const std::size_t begin = aligned(end + kGuard);
    placed_.push_back({region, begin});
    end = begin + (region.slabs - 1) * region.slab_stride + region.bytes + kGuard;
  }
  bytes_ = std::max<std::size_t>(end, 1);
  void* memory =
      mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    throw std::bad_alloc();
  }
  base_ = static_cast<std::byte*>(memory);
  this->poison(poison);
}

Arena::~Arena() { munmap(base_, bytes_); }

std::span<std::byte> Arena::slab(const Placed& placed, std::size_t n) const {
  return {base_ + placed.offset + n * placed.region.slab_stride, placed.region.bytes};
}

void Arena::poison(Poison poison) {
  poison_ = static_cast<std::byte>(poison);
  for (const Placed& placed : placed_) {
    for (std::size_t n = 0; n < placed.region.slabs; ++n) {
      const auto bytes = slab(placed, n);
      std::memset(bytes.data() - kGuard, static_cast<int>(poison_), bytes.size() + 2 * kGuard);
    }
  }
}

void Arena::poison_region(std::size_t region) {
  for (std::size_t n = 0; n < placed_[region].region.slabs; ++n) {
    const auto bytes = slab(placed_[region], n);
    std::memset(bytes.data(), static_cast<int>(poison_), bytes.size());
  }
}

std::optional<Arena::Overrun> Arena::overrun() const {
  for (std::size_t r = 0; r < placed_.size(); ++r) {
    for (std::size_t n = 0; n < placed_[r].region.slabs; ++n) {
      const auto bytes = slab(placed_[r], n);
      const auto slab_begin = static_cast<std::ptrdiff_t>(n * placed_[r].region.slab_stride);
      if (const auto before = first_other({bytes.data() - kGuard, kGuard}, poison_)) {
        return Overrun{
            r, slab_begin + static_cast<std::ptrdiff_t>(*before) - static_cast<std::ptrdiff_t>(kGuard)};
      }
      if (const auto behind = first_other({bytes.data() + bytes.size(), kGuard}, poison_)) {
        return Overrun{r, slab_begin + static_cast<std::ptrdiff_t>(bytes.size() + *behind)};
      }
    }
  }
  return {};
}

std::optional<std::size_t> Arena::first_written(std::size_t region) const {
  for (std::size_t n = 0; n < placed_[region].region.slabs; ++n) {
    if (const auto byte = first_other(slab(placed_[region], n), poison_)) {
      return n * placed_[region].region.slab_stride + *byte;
    }
  }
  return {};
}

std::size_t Arena::hash(std::size_t region) const {
  std::size_t result = 0;
  for (std::size_t n = 0; n < placed_[region].region.slabs; ++n) {
    const auto bytes = slab(placed_[region], n);
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    result = result * 1099511628211u + std::hash<std::string_view>{}(text);
  }
  return result;
}

}  // namespace attnlab::oracle
