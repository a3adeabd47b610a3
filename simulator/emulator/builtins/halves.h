// Conversions to the 16-bit and 8-bit floats that are not one instruction of the host.
#pragma once

#include <cstdint>

#include "simulator/emulator/builtins/rounded.h"

namespace attnlab::emulator::calls {

enum class Half { fp16, bf16 };
enum class Byte { e4m3, e5m2 };

// Rounded once, from any double. NaN gives 0x7fff, CUDA's.
[[gnu::const]] std::uint16_t half_of(double x, Rounding mode, Half format);
// The same of integers, which a double may not hold.
[[gnu::const]] std::uint16_t half_of_int64(long long x, Rounding mode, Half format);
[[gnu::const]] std::uint16_t half_of_uint64(unsigned long long x, Rounding mode, Half format);
[[gnu::const]] double value_of(std::uint16_t bits, Half format);
// a * b + c, rounded once.
[[gnu::const]] std::uint16_t half_multiply_add(double a, double b, double c, Half format);

// To nearest. Beyond the largest number: that number, or else infinity (E5M2) and NaN (E4M3).
[[gnu::const]] std::uint8_t byte_of(double x, bool saturate, Byte format);
[[gnu::const]] double value_of(std::uint8_t bits, Byte format);

}  // namespace attnlab::emulator::calls
