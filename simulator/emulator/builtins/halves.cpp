#include "simulator/emulator/builtins/halves.h"

#include <bit>
#include <cmath>

#include "reference/core/dtype.h"

namespace attnlab::emulator::calls {
namespace {

DType type_of(Half format) { return format == Half::fp16 ? DType::f16 : DType::bf16; }
DType type_of(Byte format) { return format == Byte::e4m3 ? DType::e4m3 : DType::e5m2; }

// The next number of the format above, or below.
std::uint16_t step(std::uint16_t bits, bool up) {
  constexpr std::uint16_t kSign = 0x8000;
  if ((bits & ~kSign) == 0) return up ? 1 : kSign | 1;
  const bool grows = ((bits & kSign) == 0) == up;
  return static_cast<std::uint16_t>(bits + (grows ? 1 : -1));
}

// The sum of a and b to odd: truncated, and made odd if anything was cut off. Rounding that to a format with
// at least two bits less gives what rounding the exact sum gives.
double add_to_odd(double a, double b) {
  const double sum = a + b, from_b = sum - a, error = (a - (sum - from_b)) + (b - from_b);
  const auto bits = std::bit_cast<std::uint64_t>(sum);
  if (!std::isfinite(sum) || error == 0 || (bits & 1) != 0) return sum;
  return std::nextafter(sum, error > 0 ? HUGE_VAL : -HUGE_VAL);
}

// A 64-bit magnitude as a double, to odd.
double to_odd(std::uint64_t magnitude) {
  return add_to_odd(static_cast<double>(magnitude >> 32) * 0x1p32,
                    static_cast<double>(magnitude & 0xffffffff));
}

}  // namespace

std::uint16_t half_of(double x, Rounding mode, Half format) {
  if (std::isnan(x)) return 0x7fff;
  const DType type = type_of(format);
  const auto bits = static_cast<std::uint16_t>(encode(type, x));
  if (mode == Rounding::nearest) return bits;
  const double value = decode(type, bits);
  const bool down = mode == Rounding::down || (mode == Rounding::zero && x > 0);
  if (down && value > x) return step(bits, false);
  if (!down && value < x) return step(bits, true);
  return bits;
}

std::uint16_t half_of_int64(long long x, Rounding mode, Half format) {
  const std::uint64_t magnitude = x < 0 ? 0 - static_cast<std::uint64_t>(x) : static_cast<std::uint64_t>(x);
  return half_of(x < 0 ? -to_odd(magnitude) : to_odd(magnitude), mode, format);
}

std::uint16_t half_of_uint64(unsigned long long x, Rounding mode, Half format) {
  return half_of(to_odd(x), mode, format);
}

double value_of(std::uint16_t bits, Half format) { return decode(type_of(format), bits); }

std::uint16_t half_multiply_add(double a, double b, double c, Half format) {
  // The product of two such numbers is exact in double.
  return half_of(add_to_odd(a * b, c), Rounding::nearest, format);
}

std::uint8_t byte_of(double x, bool saturate, Byte format) {
  if (std::isnan(x)) return 0x7f;
  return static_cast<std::uint8_t>(
      encode(type_of(format), x, saturate ? Overflow::saturate : Overflow::ieee));
}

double value_of(std::uint8_t bits, Byte format) { return decode(type_of(format), bits); }

}  // namespace attnlab::emulator::calls
