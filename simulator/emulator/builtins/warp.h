// Warp operations behind cuda_headers/warp_functions.h. They belong to the instruction that calls them.
#pragma once

#include <cstdint>

namespace attnlab::emulator::calls {

enum class Shuffle { index, up, down, exclusive_or };
// operand: the lane, the distance or the lane mask. A value that the hardware leaves undefined (its source
// lane is not in mask) comes as a NaN of its own bit pattern, undefined_lane.
unsigned shuffle(unsigned mask, unsigned value, unsigned operand, int width, Shuffle kind);
inline constexpr unsigned kUndefinedLane = 0x7fbad1aeu;

enum class Vote { ballot, all, any };
unsigned vote(unsigned mask, bool predicate, Vote kind);

unsigned match_any(unsigned mask, std::uint64_t value);
unsigned match_all(unsigned mask, std::uint64_t value, int* equal);

enum class Reduce { add, bit_and, bit_or, bit_xor, min_unsigned, max_unsigned, min_signed, max_signed };
unsigned reduce(unsigned mask, unsigned value, Reduce kind);

void sync_warp(unsigned mask);
unsigned active_lanes();  // that call at the same place

}  // namespace attnlab::emulator::calls
