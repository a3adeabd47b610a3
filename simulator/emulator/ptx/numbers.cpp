#include "simulator/emulator/ptx/numbers.h"

namespace attnlab::emulator::ptx {
namespace {

// The sum's last bit becomes 1 when something was lost, towards what was lost.
double make_odd(double sum, double lost) {
  if (lost == 0 || !std::isfinite(sum)) return sum;
  const auto pattern = std::bit_cast<std::uint64_t>(sum);
  if ((pattern & 1) != 0) return sum;
  const bool away_from_zero = (lost > 0) == (sum > 0);
  return std::bit_cast<double>(away_from_zero ? pattern + 1 : pattern - 1);
}

}  // namespace

std::uint32_t encode(double value, const FloatFormat& f, Rounding rounding, bool saturate) {
  const auto pattern = std::bit_cast<std::uint64_t>(value);
  const bool negative = (pattern >> 63) != 0;
  const int total = f.exponent_bits + f.mantissa_bits;
  const std::uint32_t sign = negative ? 1u << total : 0;
  const std::uint32_t all_ones = (1u << total) - 1;
  const std::uint32_t infinity = ((1u << f.exponent_bits) - 1) << f.mantissa_bits;
  const std::uint32_t largest = f.has_infinity ? infinity - 1 : all_ones - 1;
  if (std::isnan(value)) return all_ones;
  if (value == 0) return sign;

  std::uint32_t magnitude = 0;
  bool beyond = std::isinf(value);
  if (!beyond) {
    // |value| = significand * 2^(exponent - 52). A subnormal double lies far below every format.
    const auto biased = static_cast<int>(pattern >> 52 & 0x7ff);
    const int exponent = std::max(biased, 1) - 1023;
    const std::uint64_t significand =
        (pattern & ((std::uint64_t{1} << 52) - 1)) | (biased != 0 ? std::uint64_t{1} << 52 : 0);
    const int last = std::max(exponent, f.min_exponent()) - f.mantissa_bits;  // of the result's last bit
    const int dropped = std::min(last - (exponent - 52), 54);
    const std::uint64_t kept = significand >> dropped;
    const std::uint64_t rest = significand & ((std::uint64_t{1} << dropped) - 1);
    const std::uint64_t half = std::uint64_t{1} << (dropped - 1);
    bool increase = false;
    switch (rounding) {
      case Rounding::nearest_even:
        increase = rest > half || (rest == half && (kept & 1) != 0);
        break;
      case Rounding::nearest_away:
        increase = rest >= half;
        break;
      case Rounding::toward_zero:
        break;
      case Rounding::down:
        increase = negative && rest != 0;
        break;
      case Rounding::up:
        increase = !negative && rest != 0;
        break;
    }
    const std::int64_t field = last + f.mantissa_bits + f.bias - 1;
    const std::uint64_t result =
        (static_cast<std::uint64_t>(field) << f.mantissa_bits) + kept + (increase ? 1 : 0);
    beyond = result > largest;
    magnitude = beyond ? 0 : static_cast<std::uint32_t>(result);
  }
  if (!beyond) return sign | magnitude;
  const bool stays_finite = !std::isinf(value) && (rounding == Rounding::toward_zero ||
                                                   rounding == (negative ? Rounding::up : Rounding::down));
  if (saturate || stays_finite) return sign | largest;
  return f.has_infinity ? sign | infinity : all_ones;
}

double decode(std::uint32_t pattern, const FloatFormat& f) {
  const int total = f.exponent_bits + f.mantissa_bits;
  const std::uint32_t mantissa = pattern & ((1u << f.mantissa_bits) - 1);
  const std::uint32_t top = (1u << f.exponent_bits) - 1;
  const std::uint32_t field = (pattern >> f.mantissa_bits) & top;
  const double sign = (pattern >> total & 1) != 0 ? -1.0 : 1.0;
  if (field == top && f.has_infinity) {
    return mantissa == 0 ? sign * std::numeric_limits<double>::infinity()
                         : std::numeric_limits<double>::quiet_NaN();
  }
  if (field == top && mantissa == (1u << f.mantissa_bits) - 1)
    return std::numeric_limits<double>::quiet_NaN();
  const std::uint32_t significand = field == 0 ? mantissa : mantissa | 1u << f.mantissa_bits;
  const int exponent = (field == 0 ? 1 : static_cast<int>(field)) - f.bias - f.mantissa_bits;
  return sign * std::ldexp(significand, exponent);
}

double add_to_odd(double a, double b) {
  const double sum = a + b;
  const double b_used = sum - a;
  return make_odd(sum, (a - (sum - b_used)) + (b - b_used));  // Knuth's exact error of a sum
}

double to_odd(std::uint64_t value) {
  // At most 11 bits do not fit; whether one of them is 1 goes into the last that does.
  if (value >> 53 == 0) return static_cast<double>(value);
  const int extra = static_cast<int>(std::bit_width(value)) - 53;
  const std::uint64_t kept = value >> extra;
  const bool lost = (kept << extra) != value;
  return std::ldexp(static_cast<double>(kept | (lost ? 1u : 0u)), extra);
}
double to_odd(std::int64_t value) {
  return value < 0 ? -to_odd(std::uint64_t{0} - static_cast<std::uint64_t>(value))
                   : to_odd(static_cast<std::uint64_t>(value));
}

}  // namespace attnlab::emulator::ptx
