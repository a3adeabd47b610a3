#include "reference/core/dtype.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include "reference/core/errors.h"

namespace attnlab {
namespace {

struct TypeRow {
  DType type;
  int bits;
  std::array<std::string_view, 6> names;  // the first is name(); empty ones fill up
  std::optional<FloatFormat> format;
};

constexpr TypeRow kTypes[] = {
    {DType::f64, 64, {"fp64", "f64", "float64", "double"}, FloatFormat{11, 52, 1023, true}},
    {DType::f32, 32, {"fp32", "f32", "float32", "float"}, FloatFormat{8, 23, 127, true}},
    {DType::f16, 16, {"fp16", "f16", "float16", "half"}, FloatFormat{5, 10, 15, true}},
    {DType::bf16, 16, {"bf16", "bfloat16"}, FloatFormat{8, 7, 127, true}},
    {DType::e4m3,
     8,
     {"fp8_e4m3", "fp8", "e4m3", "e4m3fn", "f8_e4m3", "float8_e4m3fn"},
     FloatFormat{4, 3, 7, false}},
    {DType::e5m2, 8, {"fp8_e5m2", "e5m2", "f8_e5m2", "float8_e5m2"}, FloatFormat{5, 2, 15, true}},
    {DType::i64, 64, {"int64", "i64"}, {}},
    {DType::i32, 32, {"int32", "i32"}, {}},
    {DType::i16, 16, {"int16", "i16"}, {}},
    {DType::i8, 8, {"int8", "i8"}, {}},
    {DType::u64, 64, {"uint64", "u64"}, {}},
    {DType::u32, 32, {"uint32", "u32"}, {}},
    {DType::u16, 16, {"uint16", "u16"}, {}},
    {DType::u8, 8, {"uint8", "u8"}, {}},
    {DType::boolean, 8, {"bool", "boolean"}, {}},
    {DType::int4, 4, {"int4", "i4"}, {}},
};

constexpr bool in_enum_order() {
  for (std::size_t i = 0; i < std::size(kTypes); ++i) {
    if (kTypes[i].type != static_cast<DType>(i)) return false;
  }
  return true;
}
static_assert(in_enum_order());

const TypeRow& row_of(DType type) {
  const auto index = static_cast<std::size_t>(type);
  if (index >= std::size(kTypes)) throw InvalidArgument("dtype", std::to_string(index), "a value of DType");
  return kTypes[index];
}

// 2^exponent for a normal double: -1022 <= exponent <= 1023.
double power_of_two(int exponent) {
  return std::bit_cast<double>(static_cast<std::uint64_t>(exponent + 1023) << 52);
}

// The exponent of |value| as a double; at most -1023 for zero and subnormals, 1024 for infinity and NaN.
int exponent_of(double value) {
  return static_cast<int>((std::bit_cast<std::uint64_t>(value) >> 52) & 0x7ff) - 1023;
}

// Rounds for every format narrower than double.
//
// Adding 2^52 quanta (the format's spacing at the value) leaves a double whose last bit is worth one quantum,
// so the hardware's own addition rounds to nearest even; subtracting it again is exact. Below the smallest
// normal, the quantum stops shrinking: these are the subnormals.
class Rounder {
 public:
  Rounder(const FloatFormat& format, Overflow overflow)
      : format_(format),
        max_finite_(format.max_finite()),
        too_large_(overflow == Overflow::saturate ? max_finite_
                   : format.has_infinity          ? std::numeric_limits<double>::infinity()
                                                  : std::numeric_limits<double>::quiet_NaN()) {}

  double operator()(double value) const {
    const double magnitude = std::fabs(value);
    const int exponent = std::clamp(exponent_of(value), format_.min_exponent(), format_.max_exponent());
    const double shift = power_of_two(exponent - format_.mantissa_bits + 52);
    const double nearest = (magnitude + shift) - shift;
    return std::copysign(nearest > max_finite_ ? too_large_ : nearest, value);  // a NaN passes
  }

 private:
  FloatFormat format_;
  double max_finite_;
  double too_large_;
};

template <class T>
void round_all(DType type, std::span<T> values, Overflow overflow) {
  const FloatFormat format = float_format(type);
  if (format.mantissa_bits >= std::numeric_limits<T>::digits - 1) {  // the format holds every finite T
    if (overflow == Overflow::ieee) return;
    for (T& value : values) {
      if (std::isinf(value)) value = std::copysign(std::numeric_limits<T>::max(), value);
    }
    return;
  }
  const Rounder rounder(format, overflow);
  for (T& value : values) value = static_cast<T>(rounder(value));
}

}  // namespace

std::string_view name(DType type) { return row_of(type).names[0]; }

int bits(DType type) { return row_of(type).bits; }

bool is_float(DType type) { return row_of(type).format.has_value(); }

DType parse_dtype(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 'a' - 'A') : c; });
  std::string known;
  for (const TypeRow& row : kTypes) {
    for (std::string_view candidate : row.names) {
      if (candidate.empty()) break;
      if (candidate == lower) return row.type;
      known += known.empty() ? "" : ", ";
      known += candidate;
    }
  }
  throw InvalidArgument("dtype", "\"" + std::string(text) + "\"", "one of " + known);
}

FloatFormat float_format(DType type) {
  const TypeRow& row = row_of(type);
  if (!row.format) throw InvalidArgument("dtype", std::string(row.names[0]), "a floating-point type");
  return *row.format;
}

double FloatFormat::max_finite() const {
  const double ulps_below_next_power = has_infinity ? 1 : 2;
  return (2 - ulps_below_next_power * power_of_two(-mantissa_bits)) * power_of_two(max_exponent());
}

double FloatFormat::min_normal() const { return power_of_two(min_exponent()); }

double FloatFormat::min_subnormal() const { return std::ldexp(1, min_exponent() - mantissa_bits); }

double FloatFormat::unit_roundoff() const { return power_of_two(-mantissa_bits - 1); }

double round_to(DType type, double value, Overflow overflow) {
  round_all(type, std::span(&value, 1), overflow);
  return value;
}

void round_to(DType type, std::span<float> values, Overflow overflow) { round_all(type, values, overflow); }

void round_to(DType type, std::span<double> values, Overflow overflow) { round_all(type, values, overflow); }

std::uint64_t encode(DType type, double value, Overflow overflow) {
  const FloatFormat format = float_format(type);
  const double rounded = round_to(type, value, overflow);
  const std::uint64_t sign = std::uint64_t{std::signbit(rounded)}
                             << (format.exponent_bits + format.mantissa_bits);
  const std::uint64_t top_exponent = ((std::uint64_t{1} << format.exponent_bits) - 1) << format.mantissa_bits;
  if (std::isnan(rounded)) {
    const std::uint64_t all_ones = (std::uint64_t{1} << format.mantissa_bits) - 1;
    const std::uint64_t quiet = std::uint64_t{1} << (format.mantissa_bits - 1);
    return sign | top_exponent | (format.has_infinity ? quiet : all_ones);
  }
  if (std::isinf(rounded)) return sign | top_exponent;
  if (type == DType::f64) return std::bit_cast<std::uint64_t>(rounded);

  // A normal's leading 1 is worth one unit of the exponent field: counting it in the mantissa and one less in
  // the exponent makes normals and subnormals one case.
  const int exponent = std::max(exponent_of(rounded), format.min_exponent());
  const double mantissa = std::fabs(rounded) * power_of_two(format.mantissa_bits - exponent);
  const auto exponent_field = static_cast<std::uint64_t>(exponent + format.bias - 1);
  return sign | ((exponent_field << format.mantissa_bits) + static_cast<std::uint64_t>(mantissa));
}

double decode(DType type, std::uint64_t pattern) {
  const FloatFormat format = float_format(type);
  if (type == DType::f64) return std::bit_cast<double>(pattern);
  const std::uint64_t mantissa_mask = (std::uint64_t{1} << format.mantissa_bits) - 1;
  const std::uint64_t exponent_mask = (std::uint64_t{1} << format.exponent_bits) - 1;
  const std::uint64_t mantissa = pattern & mantissa_mask;
  const std::uint64_t exponent = (pattern >> format.mantissa_bits) & exponent_mask;
  const bool negative = (pattern >> (format.mantissa_bits + format.exponent_bits)) & 1;
  const double sign = negative ? -1 : 1;

  if (exponent == exponent_mask) {
    if (format.has_infinity && mantissa == 0) return sign * std::numeric_limits<double>::infinity();
    if (format.has_infinity || mantissa == mantissa_mask) {
      return std::copysign(std::numeric_limits<double>::quiet_NaN(), sign);
    }
  }
  const std::uint64_t leading = exponent == 0 ? 0 : mantissa_mask + 1;
  const int scale = std::max(static_cast<int>(exponent), 1) - format.bias - format.mantissa_bits;
  return sign * static_cast<double>(leading + mantissa) * power_of_two(scale);
}

}  // namespace attnlab
