// Numbers as the GPU computes them: rounding to every floating-point format of PTX, and the rules for NaN,
// subnormals and saturation.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "reference/core/dtype.h"

namespace attnlab::emulator::ptx {

enum class Rounding { nearest_even, toward_zero, down, up, nearest_away };

inline constexpr FloatFormat kFormatF32{8, 23, 127, true};
inline constexpr FloatFormat kFormatTf32{8, 10, 127, true};
inline constexpr FloatFormat kFormatF16{5, 10, 15, true};
inline constexpr FloatFormat kFormatBf16{8, 7, 127, true};
inline constexpr FloatFormat kFormatE4m3{4, 3, 7, false};
inline constexpr FloatFormat kFormatE5m2{5, 2, 15, true};

// The pattern of the number of `format` to which value rounds. NaN becomes PTX's canonical NaN, all ones
// without a sign. Beyond the largest finite number: infinity or that number, as the rounding says; always
// that number when saturating; NaN in a format without infinity.
std::uint32_t encode(double value, const FloatFormat& format, Rounding rounding, bool saturate = false);
double decode(std::uint32_t pattern, const FloatFormat& format);

// a + b rounded to a double whose last bit is 1 whenever the sum is not exact ("round to odd"): rounding
// that again to a format of at most 51 bits gives what rounding the exact sum once would give.
double add_to_odd(double a, double b);
// The same of a 64-bit integer.
double to_odd(std::int64_t value);
double to_odd(std::uint64_t value);

inline float as_float(std::uint32_t pattern) { return std::bit_cast<float>(pattern); }
inline std::uint32_t as_bits(float value) { return std::bit_cast<std::uint32_t>(value); }

// fp32 operations return this NaN, whatever NaN they were given.
inline float canonical(float value) { return value != value ? as_float(0x7fffffffu) : value; }
// .ftz: subnormal numbers become zero of their sign.
inline float flush(float value) {
  return std::fabs(value) < std::numeric_limits<float>::min() ? std::copysign(0.0f, value) : value;
}
// .sat: into [0, 1], NaN to +0.
template <class T>
T saturate(T value) {
  return value > 0 ? (value < 1 ? value : T(1)) : T(0);
}

inline float half_to_float(std::uint16_t half) {
  // The exponent of an fp16 is 112 less than that of the same fp32: scaling does it, subnormals included.
  const std::uint32_t magnitude = static_cast<std::uint32_t>(half & 0x7fffu) << 13;
  std::uint32_t result = as_bits(as_float(magnitude) * 0x1p112f);
  if (magnitude >= 0x0f800000u) result |= 0x7f800000u;  // infinity and NaN
  return as_float(result | static_cast<std::uint32_t>(half & 0x8000u) << 16);
}
inline float brain_to_float(std::uint16_t brain) { return as_float(static_cast<std::uint32_t>(brain) << 16); }
inline std::uint16_t to_half(double value) {
  return static_cast<std::uint16_t>(encode(value, kFormatF16, Rounding::nearest_even));
}
inline std::uint16_t to_brain(double value) {
  return static_cast<std::uint16_t>(encode(value, kFormatBf16, Rounding::nearest_even));
}

}  // namespace attnlab::emulator::ptx
