// What the checks remember of shared memory: one SharedWord per 4 bytes, and a short form for what is only
// read.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "simulator/emulator/device_calls.h"

namespace attnlab::emulator {

// Who touched a byte: nobody, a thread, several threads of one warp, or threads of several warps.
using Accessor = std::uint16_t;
inline constexpr Accessor kNobody = 0, kSeveralWarps = 0xffff, kSeveralLanes = 0x8000;
constexpr Accessor accessor(unsigned thread) { return static_cast<Accessor>(thread + 1); }
constexpr Accessor lanes_of(unsigned warp) { return static_cast<Accessor>(kSeveralLanes | warp); }
constexpr unsigned warp_of(Accessor who) {
  return who & kSeveralLanes ? who & 0x7fffu : (who - 1u) / kWarpSize;
}

// Who wrote, who read, since when.
struct SharedWord {
  std::uint32_t write_epoch = 0, read_epoch = 0;  // of the block
  std::uint32_t write_warp_epoch = 0, read_warp_epoch = 0;
  std::array<Accessor, 4> writer{}, reader{};  // of each byte
  std::uint32_t block = 0;                     // serial number of the block that initialised it
  std::uint8_t initialised = 0;                // one bit per byte
  std::uint8_t in_flight = 0;                  // one bit per byte: an asynchronous copy has not arrived
};

// The readers of 16 aligned bytes in an epoch of the block in which they are only read. While epoch is the
// block's, it stands for what its four words would say of their readers, and promises that they are
// initialised, not in flight, and written by nobody in this epoch. Tiles are written once and read often,
// four words at a time: nearly every read ends here.
struct SharedGroup {
  std::uint32_t epoch = 0;           // of the block; 0: none
  std::uint32_t warp_epoch = 0;      // of the warp that the readers below are of, unless they are of several
  std::array<Accessor, 4> reader{};  // of each word

  // A read of `words` words from the first-th on, by `me`, threads of this warp in this epoch of theirs.
  // False: nothing was changed, since two warps' readers, or two epochs', would have to stand side by side.
  bool read(unsigned first, unsigned words, Accessor me, unsigned warp, std::uint32_t now) {
    // Nothing changes: as several warps have read it all, or as the same threads have.
    const auto all = std::bit_cast<std::uint64_t>(reader);
    if (all == ~std::uint64_t{0}) return true;
    const bool mine = warp_epoch == now;
    constexpr std::uint64_t kEach = 0x0001000100010001;
    if (mine && all == kEach * me) return true;
    if (all == 0) {
      warp_epoch = now;
      for (unsigned w = first; w < first + words; ++w) reader[w] = me;
      return true;
    }
    std::array<Accessor, 4> becomes = reader;
    bool of_one_warp = false, apart = false;
    for (unsigned w = 0; w < 4; ++w) {
      const Accessor was = reader[w];
      if (w - first >= words) {
        apart |= was != kNobody && was != kSeveralWarps && (warp_of(was) != warp || !mine);
        continue;
      }
      if (was == kSeveralWarps) continue;
      if (was == kNobody || (warp_of(was) == warp && !mine))
        becomes[w] = me;
      else if (was != me)
        becomes[w] = warp_of(was) == warp ? lanes_of(warp) : kSeveralWarps;
      of_one_warp |= becomes[w] != kSeveralWarps;
    }
    if (of_one_warp && apart) return false;
    reader = becomes;
    if (of_one_warp) warp_epoch = now;
    return true;
  }
};

}  // namespace attnlab::emulator
