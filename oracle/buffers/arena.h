// One piece of memory for all tensors of a call, with a guard band on both sides of each: a write beyond a
// tensor lands in a band and is found, a read beyond one brings poison.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace attnlab::oracle {

// What memory holds that nobody has written and nobody may read: one byte, repeated. 0xff makes a NaN, 0x7b a
// large finite number (6e4 in fp16, 1.3e36 in bf16 and fp32, 352 in e4m3, 57344 in e5m2) of every type. A
// kernel whose outputs are the same bits under both reads neither.
enum class Poison : std::uint8_t { nan = 0xff, large = 0x7b };

class Arena {
 public:
  // `slabs` pieces of `bytes`, slab_stride bytes from one to the next: the entries of a batch that lie far
  // apart, so that offsets are large and memory is not.
  struct Region {
    std::size_t bytes = 0, slabs = 1, slab_stride = 0;
  };
  static constexpr std::size_t kGuard = 16384;

  // Every region and band filled with poison. Memory between slabs is only reserved. Throws
  // std::bad_alloc where there is not so much.
  Arena(std::span<const Region> regions, Poison poison);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Aligned to 256 bytes, never null.
  std::byte* data(std::size_t region) const { return base_ + placed_[region].offset; }

  // Bands and regions, all of them: the state after construction.
  void poison(Poison poison);
  void poison_region(std::size_t region);
  std::byte poison_byte() const { return poison_; }

  struct Overrun {
    std::size_t region = 0;
    std::ptrdiff_t byte = 0;  // the first byte written: from the region's begin, negative before it
  };
  // The first written byte of any band.
  std::optional<Overrun> overrun() const;
  // The first byte of a region that is no longer poison.
  std::optional<std::size_t> first_written(std::size_t region) const;
  // Of all bytes of a region.
  std::size_t hash(std::size_t region) const;

 private:
  struct Placed {
    Region region;
    std::size_t offset;  // of its first slab
  };
  std::span<std::byte> slab(const Placed& placed, std::size_t n) const;

  std::vector<Placed> placed_;
  std::byte* base_ = nullptr;
  std::size_t bytes_ = 0;
  std::byte poison_;
};

}  // namespace attnlab::oracle
