// Whole tiles as requests to global memory: the stream of a block that is known by its text and never stored.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "simulator/memory/generator.h"
#include "simulator/memory/request_stream.h"

namespace attnlab::memory {

// A tile's way between global memory and an SM: `rows` rows of row_bytes each, row_stride bytes apart.
struct TileAccess {
  RequestKind kind = RequestKind::load;
  std::uint32_t tensor = 0;  // which one, for the account
  std::uint64_t address = 0, row_bytes = 0, rows = 0, row_stride = 0;
};

// What a warp moves at once: 32 lanes of 16 bytes, aligned.
inline constexpr std::uint64_t kRequestBytes = 512;

// Stream of a block for waves.h: its tiles one after the other, each in requests of up to kRequestBytes that
// do not cross a multiple of it. account(TileAccess) hears of every tile as it begins.
template <class Account>
class TileStream {
 public:
  TileStream(Generator<TileAccess> tiles, Account account)
      : tiles_(std::move(tiles)), account_(std::move(account)) {}

  // Tiles without bytes are passed over.
  template <class Visit>
  bool next(Visit&& visit) {
    while (at_ == row_end_) {
      if (rows_left_ == 0) {
        const TileAccess* tile = tiles_.next();
        if (tile == nullptr) return false;
        account_(*tile);
        begin(*tile);
      } else {
        --rows_left_;
        at_ = row_ += stride_;
        row_end_ = row_ + row_bytes_;
      }
    }
    const std::uint64_t end = std::min(row_end_, (at_ / kRequestBytes + 1) * kRequestBytes);
    auto line = static_cast<std::uint32_t>(at_ / kLineBytes);
    const auto last_line = static_cast<std::uint32_t>((end - 1) / kLineBytes);
    unsigned mask = kWholeLine & (kWholeLine << sector_of(at_));
    for (; line != last_line; ++line, mask = kWholeLine) visit(kind_, line, mask);
    visit(kind_, line, mask & (kWholeLine >> (kSectorsPerLine - 1 - sector_of(end - 1))));
    at_ = end;
    return true;
  }

 private:
  static unsigned sector_of(std::uint64_t address) {
    return static_cast<unsigned>(address / kSectorBytes % kSectorsPerLine);
  }
  void begin(const TileAccess& tile) {
    if (tile.rows == 0) return;
    const bool whole = tile.row_stride == tile.row_bytes;  // rows without gaps are one
    kind_ = tile.kind;
    row_bytes_ = whole ? tile.rows * tile.row_bytes : tile.row_bytes;
    rows_left_ = whole ? 0 : tile.rows - 1;
    stride_ = tile.row_stride;
    at_ = row_ = tile.address;
    row_end_ = row_ + row_bytes_;
  }

  Generator<TileAccess> tiles_;
  Account account_;
  RequestKind kind_ = RequestKind::load;
  std::uint64_t row_ = 0, row_bytes_ = 0, row_end_ = 0, rows_left_ = 0, stride_ = 0;
  std::uint64_t at_ = 0;  // up to where the row has been asked for
};

}  // namespace attnlab::memory
