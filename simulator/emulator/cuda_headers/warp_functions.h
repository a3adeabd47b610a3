// Operations of a warp: shuffles, votes, matches, reductions, __syncwarp.
//
// A shuffle moves 32 bits, as the hardware does; a 64-bit value takes two. A lane that reads from a lane
// outside the mask gets a NaN bit pattern (undefined in CUDA).
#pragma once

#include "host_defines.h"
#include "simulator/emulator/builtins/warp.h"

namespace attnlab::emulator::builtins {

template <class T>
ATTNLAB_BUILTIN T attnlab_shuffle(unsigned mask, T value, unsigned operand, int width, calls::Shuffle kind) {
  if constexpr (sizeof(T) == 8) {
    const auto bits = __builtin_bit_cast(unsigned long long, value);
    const unsigned low = calls::shuffle(mask, static_cast<unsigned>(bits), operand, width, kind);
    const unsigned high = calls::shuffle(mask, static_cast<unsigned>(bits >> 32), operand, width, kind);
    return __builtin_bit_cast(T, static_cast<unsigned long long>(high) << 32 | low);
  } else if constexpr (sizeof(T) == 4) {
    return __builtin_bit_cast(
        T, calls::shuffle(mask, __builtin_bit_cast(unsigned, value), operand, width, kind));
  } else {
    static_assert(sizeof(T) == 2);
    const unsigned bits = __builtin_bit_cast(unsigned short, value);
    return __builtin_bit_cast(T,
                              static_cast<unsigned short>(calls::shuffle(mask, bits, operand, width, kind)));
  }
}

// Of one type; cuda_fp16.h and cuda_bf16.h add theirs.
#define ATTNLAB_SHUFFLES(T)                                                                         \
  ATTNLAB_BUILTIN T __shfl_sync(unsigned mask, T value, int lane, int width = 32) {                 \
    return attnlab_shuffle(mask, value, static_cast<unsigned>(lane), width, calls::Shuffle::index); \
  }                                                                                                 \
  ATTNLAB_BUILTIN T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32) {        \
    return attnlab_shuffle(mask, value, delta, width, calls::Shuffle::up);                          \
  }                                                                                                 \
  ATTNLAB_BUILTIN T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32) {      \
    return attnlab_shuffle(mask, value, delta, width, calls::Shuffle::down);                        \
  }                                                                                                 \
  ATTNLAB_BUILTIN T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32) {        \
    return attnlab_shuffle(mask, value, static_cast<unsigned>(lane_mask), width,                    \
                           calls::Shuffle::exclusive_or);                                           \
  }

ATTNLAB_SHUFFLES(int)
ATTNLAB_SHUFFLES(unsigned)
ATTNLAB_SHUFFLES(long)
ATTNLAB_SHUFFLES(unsigned long)
ATTNLAB_SHUFFLES(long long)
ATTNLAB_SHUFFLES(unsigned long long)
ATTNLAB_SHUFFLES(float)
ATTNLAB_SHUFFLES(double)

ATTNLAB_BUILTIN unsigned __ballot_sync(unsigned mask, int predicate) {
  return calls::vote(mask, predicate != 0, calls::Vote::ballot);
}
ATTNLAB_BUILTIN int __all_sync(unsigned mask, int predicate) {
  return static_cast<int>(calls::vote(mask, predicate != 0, calls::Vote::all));
}
ATTNLAB_BUILTIN int __any_sync(unsigned mask, int predicate) {
  return static_cast<int>(calls::vote(mask, predicate != 0, calls::Vote::any));
}
ATTNLAB_BUILTIN unsigned __activemask() { return calls::active_lanes(); }
ATTNLAB_BUILTIN void __syncwarp(unsigned mask = 0xffffffffu) { calls::sync_warp(mask); }

// Values are compared by their bits.
template <class T>
ATTNLAB_BUILTIN unsigned long long attnlab_bits(T value) {
  if constexpr (sizeof(T) == 8)
    return __builtin_bit_cast(unsigned long long, value);
  else
    return __builtin_bit_cast(unsigned, value);
}

#define ATTNLAB_MATCHES(T)                                                            \
  ATTNLAB_BUILTIN unsigned __match_any_sync(unsigned mask, T value) {                 \
    return calls::match_any(mask, attnlab_bits(value));                               \
  }                                                                                   \
  ATTNLAB_BUILTIN unsigned __match_all_sync(unsigned mask, T value, int* predicate) { \
    return calls::match_all(mask, attnlab_bits(value), predicate);                    \
  }

ATTNLAB_MATCHES(int)
ATTNLAB_MATCHES(unsigned)
ATTNLAB_MATCHES(long)
ATTNLAB_MATCHES(unsigned long)
ATTNLAB_MATCHES(long long)
ATTNLAB_MATCHES(unsigned long long)
ATTNLAB_MATCHES(float)
ATTNLAB_MATCHES(double)
#undef ATTNLAB_MATCHES

#define ATTNLAB_REDUCES(T, suffix)                                                                         \
  ATTNLAB_BUILTIN T __reduce_add_sync(unsigned mask, T value) {                                            \
    return static_cast<T>(calls::reduce(mask, static_cast<unsigned>(value), calls::Reduce::add));          \
  }                                                                                                        \
  ATTNLAB_BUILTIN T __reduce_min_sync(unsigned mask, T value) {                                            \
    return static_cast<T>(calls::reduce(mask, static_cast<unsigned>(value), calls::Reduce::min_##suffix)); \
  }                                                                                                        \
  ATTNLAB_BUILTIN T __reduce_max_sync(unsigned mask, T value) {                                            \
    return static_cast<T>(calls::reduce(mask, static_cast<unsigned>(value), calls::Reduce::max_##suffix)); \
  }

ATTNLAB_REDUCES(int, signed)
ATTNLAB_REDUCES(unsigned, unsigned)
#undef ATTNLAB_REDUCES

ATTNLAB_BUILTIN unsigned __reduce_and_sync(unsigned mask, unsigned value) {
  return calls::reduce(mask, value, calls::Reduce::bit_and);
}
ATTNLAB_BUILTIN unsigned __reduce_or_sync(unsigned mask, unsigned value) {
  return calls::reduce(mask, value, calls::Reduce::bit_or);
}
ATTNLAB_BUILTIN unsigned __reduce_xor_sync(unsigned mask, unsigned value) {
  return calls::reduce(mask, value, calls::Reduce::bit_xor);
}

}  // namespace attnlab::emulator::builtins
