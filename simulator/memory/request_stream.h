// The warp requests of one thread block to global memory, in order, a few bytes each: what the emulator
// writes and the memory hierarchy replays.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

namespace attnlab::memory {

inline constexpr unsigned kSectorBytes = 32, kLineBytes = 128, kSectorsPerLine = 4;
// The mask of a line's four sectors. Bit s: bytes [32 s, 32 s + 32).
inline constexpr unsigned kWholeLine = 0xf;

enum class RequestKind : std::uint8_t {
  load,         // through the L1
  load_bypass,  // bypasses the L1: cp.async.cg, ld.global.cg
  store,
  atomic,     // performed at the L2, its result comes back
  reduction,  // the same without a result (RED)
};

// Some sectors of a line.
struct LinePart {
  std::uint32_t line = 0;
  unsigned mask = 0;
};

class RequestStream {
 public:
  RequestStream() = default;

  // One request: the distinct sectors that it touches, in any order (ascending ones are fastest), as indices
  // (address - base) / 32 of an arena whose base is a multiple of 128 bytes. No sectors: nothing happens.
  // Sectors in runs of equal length at equal distances take 2 to 23 bytes (one run of up to 127: at most 8),
  // others 2 and up per sector.
  void append(RequestKind kind, std::span<const std::uint32_t> sectors);

  std::uint64_t requests() const { return requests_; }
  std::uint64_t encoded_bytes() const { return size_; }
  std::uint64_t allocated_bytes() const { return capacity_; }
  // Gives back what append() holds in reserve.
  void shrink();

  // Reads the stream that it was made from, from its beginning. The stream must outlive it.
  class Reader;

 private:
  // `repeats` runs of `length` sectors, the next one `distance` after the last. length 0: a list.
  struct Shape {
    std::uint32_t length = 0, repeats = 0, distance = 0;
    friend bool operator==(const Shape&, const Shape&) = default;
  };
  static Shape shape_of(std::span<const std::uint32_t> sectors);
  // The first byte of a request: its kind, or-ed with whether the last request's shape is repeated.
  static constexpr std::uint8_t kSameShape = 0x80;

  void reserve(std::uint64_t more);
  void put(std::uint64_t value);  // base 128, least significant digit first; the top bit means: goes on
  void append_unsorted(RequestKind kind, std::span<const std::uint32_t> sectors);

  std::unique_ptr<std::uint8_t[]> data_;
  std::uint64_t size_ = 0, capacity_ = 0, requests_ = 0;
  std::uint32_t last_ = 0;  // the first sector of the last request
  Shape shape_;
};

class RequestStream::Reader {
 public:
  explicit Reader(const RequestStream& stream)
      : at_(stream.data_.get()), end_(stream.data_.get() + stream.size_) {}

  // Calls visit(kind, line, mask) for every line of the next request, in ascending order; false at the end.
  template <class Visit>
  bool next(Visit&& visit) {
    if (at_ == end_) return false;
    const std::uint8_t head = *at_++;
    const auto kind = static_cast<RequestKind>(head & ~kSameShape);
    const std::uint64_t step = get();
    last_ += static_cast<std::uint32_t>(step >> 1) ^ (0u - static_cast<std::uint32_t>(step & 1));
    if ((head & kSameShape) == 0) {
      shape_.length = static_cast<std::uint32_t>(get());
      shape_.repeats = static_cast<std::uint32_t>(get());
      shape_.distance = shape_.length != 0 && shape_.repeats > 1 ? static_cast<std::uint32_t>(get()) : 0;
    }
    std::uint32_t line = last_ / kSectorsPerLine;
    unsigned mask = 0;
    const auto add_run = [&](std::uint32_t first, std::uint32_t length) {
      while (length != 0) {
        const std::uint32_t next_line = first / kSectorsPerLine, place = first % kSectorsPerLine;
        const std::uint32_t taken = std::min(length, kSectorsPerLine - place);
        if (next_line != line) {
          visit(kind, line, mask);
          line = next_line;
          mask = 0;
        }
        mask |= ((1u << taken) - 1) << place;
        first += taken;
        length -= taken;
      }
    };
    std::uint32_t sector = last_;
    if (shape_.length != 0) {
      for (std::uint32_t n = 0; n < shape_.repeats; ++n, sector += shape_.distance)
        add_run(sector, shape_.length);
    } else {
      add_run(sector, 1);
      for (std::uint32_t n = 1; n < shape_.repeats; ++n)
        add_run(sector += static_cast<std::uint32_t>(get()), 1);
    }
    visit(kind, line, mask);
    return true;
  }

 private:
  std::uint64_t get() {
    std::uint64_t value = *at_++;
    if (value < 0x80) return value;
    value &= 0x7f;
    for (int shift = 7;; shift += 7) {
      const std::uint64_t digit = *at_++;
      value |= (digit & 0x7f) << shift;
      if (digit < 0x80) return value;
    }
  }

  const std::uint8_t *at_, *end_;
  std::uint32_t last_ = 0;
  Shape shape_;
};

}  // namespace attnlab::memory
