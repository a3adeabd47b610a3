// Is every conversion to and from a low-precision format the IEEE 754 / OFP8 one, for every bit pattern and
// every tie?
#include "reference/core/dtype.h"

#include <gtest/gtest.h>

#include <Eigen/Core>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "reference/core/errors.h"

namespace attnlab {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr DType kNarrow[] = {DType::f16, DType::bf16, DType::e4m3, DType::e5m2};
constexpr DType kFloats[] = {DType::f64, DType::f32, DType::f16, DType::bf16, DType::e4m3, DType::e5m2};

// Equal as numbers, with zeros told apart by sign and all NaNs of a sign taken as one.
::testing::AssertionResult same(double a, double b) {
  if (std::isnan(a) == std::isnan(b) && (std::isnan(a) || a == b) && std::signbit(a) == std::signbit(b)) {
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure() << a << " is not " << b;
}

// The finite non-negative numbers of a format in increasing order; pattern p holds the p-th.
std::vector<double> finite_ladder(DType type) {
  std::vector<double> ladder;
  for (std::uint64_t pattern = 0; std::isfinite(decode(type, pattern)); ++pattern) {
    ladder.push_back(decode(type, pattern));
  }
  return ladder;
}

TEST(DTypeNames, EverySpellingIsRead) {
  for (const char* text : {"fp16", "f16", "half", "float16", "F16", "FP16"})
    EXPECT_EQ(parse_dtype(text), DType::f16);
  for (const char* text : {"bf16", "bfloat16", "BF16"}) EXPECT_EQ(parse_dtype(text), DType::bf16);
  for (const char* text : {"fp32", "f32", "float32", "float"}) EXPECT_EQ(parse_dtype(text), DType::f32);
  for (const char* text : {"fp64", "f64", "float64", "double"}) EXPECT_EQ(parse_dtype(text), DType::f64);
  for (const char* text : {"fp8", "e4m3", "fp8_e4m3", "e4m3fn", "float8_e4m3fn", "F8_E4M3"}) {
    EXPECT_EQ(parse_dtype(text), DType::e4m3);
  }
  for (const char* text : {"e5m2", "fp8_e5m2", "float8_e5m2"}) EXPECT_EQ(parse_dtype(text), DType::e5m2);
  for (const char* text : {"int8", "i8"}) EXPECT_EQ(parse_dtype(text), DType::i8);
  EXPECT_EQ(parse_dtype("int4"), DType::int4);
}

TEST(DTypeNames, NameIsReadBackAsItsType) {
  for (int i = 0; i <= static_cast<int>(DType::int4); ++i) {
    const auto type = static_cast<DType>(i);
    EXPECT_EQ(parse_dtype(name(type)), type) << name(type);
  }
  EXPECT_EQ(bits(DType::f64), 64);
  EXPECT_EQ(bits(DType::bf16), 16);
  EXPECT_EQ(bits(DType::e5m2), 8);
  EXPECT_EQ(bits(DType::boolean), 8);
  EXPECT_EQ(bits(DType::int4), 4);
}

TEST(DTypeNames, UnknownNameIsRefusedWithTheList) {
  for (const char* text : {"", "fp17", "fp16 ", "f"}) {
    try {
      parse_dtype(text);
      ADD_FAILURE() << "accepted \"" << text << '"';
    } catch (const InvalidArgument& error) {
      const std::string message = error.what();
      EXPECT_EQ(error.argument(), "dtype");
      EXPECT_NE(message.find("got \"" + std::string(text) + '"'), std::string::npos) << message;
      for (const char* known : {"fp64", "float32", "half", "bf16", "fp8_e4m3", "e5m2", "int8", "int4"}) {
        EXPECT_NE(message.find(known), std::string::npos) << message;
      }
    }
  }
}

TEST(DTypeNames, IntegersHaveNoFloatFormat) {
  for (DType type : {DType::i64, DType::u8, DType::boolean, DType::int4}) {
    EXPECT_FALSE(is_float(type));
    std::vector<float> values = {1};
    EXPECT_THROW(float_format(type), InvalidArgument);
    EXPECT_THROW(round_to(type, 1.0), InvalidArgument);
    EXPECT_THROW(round_to(type, std::span(values)), InvalidArgument);
    EXPECT_THROW(encode(type, 1.0), InvalidArgument);
    EXPECT_THROW(decode(type, 1), InvalidArgument);
  }
  EXPECT_THROW(bits(static_cast<DType>(99)), InvalidArgument);
}

// "FP8 Formats for Deep Learning" (arXiv 2209.05433), Table 1, and IEEE 754 / bfloat16 for the others.
TEST(FloatFormat, ExtremesAreThePublishedOnes) {
  const FloatFormat e4m3 = float_format(DType::e4m3), e5m2 = float_format(DType::e5m2);
  EXPECT_EQ(e4m3.bias, 7);
  EXPECT_EQ(e4m3.max_finite(), 448);
  EXPECT_EQ(e4m3.min_normal(), std::ldexp(1, -6));
  EXPECT_EQ(e4m3.min_subnormal(), std::ldexp(1, -9));
  EXPECT_EQ(e5m2.bias, 15);
  EXPECT_EQ(e5m2.max_finite(), 57344);
  EXPECT_EQ(e5m2.min_normal(), std::ldexp(1, -14));
  EXPECT_EQ(e5m2.min_subnormal(), std::ldexp(1, -16));
  EXPECT_EQ(decode(DType::e4m3, 0b0'0000'111), 0.875 * std::ldexp(1, -6));  // largest subnormals
  EXPECT_EQ(decode(DType::e5m2, 0b0'00000'11), 0.75 * std::ldexp(1, -14));

  EXPECT_EQ(float_format(DType::f16).max_finite(), 65504);
  EXPECT_EQ(float_format(DType::f16).min_subnormal(), std::ldexp(1, -24));
  EXPECT_EQ(float_format(DType::bf16).max_finite(),
            static_cast<double>(Eigen::NumTraits<Eigen::bfloat16>::highest()));
  EXPECT_EQ(float_format(DType::f32).max_finite(), std::numeric_limits<float>::max());
  EXPECT_EQ(float_format(DType::f32).min_normal(), std::numeric_limits<float>::min());
  EXPECT_EQ(float_format(DType::f32).min_subnormal(), std::numeric_limits<float>::denorm_min());
  EXPECT_EQ(float_format(DType::f32).unit_roundoff(), std::numeric_limits<float>::epsilon() / 2);
  EXPECT_EQ(float_format(DType::f64).max_finite(), std::numeric_limits<double>::max());
  EXPECT_EQ(float_format(DType::f64).min_normal(), std::numeric_limits<double>::min());
  EXPECT_EQ(float_format(DType::f64).min_subnormal(), std::numeric_limits<double>::denorm_min());
}

TEST(Decode, AllSixteenBitPatternsAreEigens) {
  for (int i = 0; i <= 0xffff; ++i) {
    const auto pattern = static_cast<std::uint16_t>(i);
    const auto half = static_cast<float>(std::bit_cast<Eigen::half>(pattern));
    const auto brain = static_cast<float>(std::bit_cast<Eigen::bfloat16>(pattern));
    ASSERT_TRUE(same(decode(DType::f16, pattern), half)) << pattern;
    ASSERT_TRUE(same(decode(DType::bf16, pattern), brain)) << pattern;
  }
}

// E5M2 is binary16 without its last eight mantissa bits, so Eigen decodes it too.
TEST(Decode, AllE5M2PatternsAreTheUpperHalfOfABinary16) {
  for (std::uint16_t pattern = 0; pattern < 256; ++pattern) {
    const auto bits16 = static_cast<std::uint16_t>(pattern << 8);
    const auto half = static_cast<float>(std::bit_cast<Eigen::half>(bits16));
    ASSERT_TRUE(same(decode(DType::e5m2, pattern), half)) << pattern;
  }
}

// E4M3 spelled out from the paper's words: sums of powers of two, S.1111.111 the only NaNs.
TEST(Decode, AllE4M3PatternsAreTheSumOfTheirBits) {
  for (unsigned pattern = 0; pattern < 256; ++pattern) {
    double expected = 0;
    const unsigned exponent = pattern / 8 % 16;
    const double unit = std::pow(2.0, exponent == 0 ? -6 : static_cast<int>(exponent) - 7);
    if (exponent != 0) expected += unit;
    if (pattern & 4) expected += unit / 2;
    if (pattern & 2) expected += unit / 4;
    if (pattern & 1) expected += unit / 8;
    if (pattern % 128 == 127) expected = kNaN;
    ASSERT_TRUE(same(decode(DType::e4m3, pattern), pattern < 128 ? expected : -expected)) << pattern;
  }
}

TEST(Encode, InvertsDecodeForEveryPattern) {
  for (DType type : kNarrow) {
    for (std::uint64_t pattern = 0; pattern < std::uint64_t{1} << bits(type); ++pattern) {
      const double value = decode(type, pattern);
      if (std::isnan(value)) {
        ASSERT_TRUE(same(decode(type, encode(type, value)), value)) << name(type) << ' ' << pattern;
      } else {
        ASSERT_EQ(encode(type, value), pattern) << name(type);
      }
    }
  }
}

// All 2^32 floats would take minutes: random ones of every exponent and the neighbourhood of every 16-bit
// number.
TEST(Encode, SixteenBitsOfFloatsAreEigens) {
  const auto check = [](std::uint32_t bits32) {
    const auto value = std::bit_cast<float>(bits32);
    if (std::isnan(value)) {
      return std::isnan(decode(DType::f16, encode(DType::f16, value))) &&
             std::isnan(decode(DType::bf16, encode(DType::bf16, value)));
    }
    return encode(DType::f16, value) == Eigen::half(value).x &&
           encode(DType::bf16, value) == Eigen::bfloat16(value).value;
  };
  std::mt19937 random(1);
  for (int i = 0; i < 2'000'000; ++i) {
    const auto bits32 = static_cast<std::uint32_t>(random());
    ASSERT_TRUE(check(bits32)) << bits32;
  }
  for (std::uint32_t upper = 0; upper <= 0xffff; ++upper) {
    for (std::uint32_t lower : {0x0000u, 0x0001u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) {
      ASSERT_TRUE(check(upper << 16 | lower)) << upper << ' ' << lower;
    }
  }
}

TEST(Encode, WideFormatsKeepTheirBits) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 200'000; ++i) {
    const std::uint64_t bits64 = random();
    const auto wide = std::bit_cast<double>(bits64);
    const auto narrow = std::bit_cast<float>(static_cast<std::uint32_t>(bits64));
    if (!std::isnan(wide)) {
      ASSERT_EQ(encode(DType::f64, wide), bits64);
      ASSERT_EQ(decode(DType::f64, bits64), wide);
      ASSERT_TRUE(same(round_to(DType::f32, wide), static_cast<float>(wide))) << wide;
    }
    if (!std::isnan(narrow)) {
      ASSERT_EQ(encode(DType::f32, narrow), static_cast<std::uint32_t>(bits64));
      ASSERT_EQ(decode(DType::f32, static_cast<std::uint32_t>(bits64)), narrow);
    }
  }
  EXPECT_TRUE(std::isnan(decode(DType::f64, encode(DType::f64, kNaN))));
  EXPECT_EQ(encode(DType::f64, -kInf), std::bit_cast<std::uint64_t>(-kInf));
}

// Between two neighbours of a format: below the midpoint the lower, above it the upper, on it the even
// pattern.
TEST(RoundTo, TakesTheNearestAndTheEvenOnATie) {
  for (DType type : kNarrow) {
    const std::vector<double> ladder = finite_ladder(type);
    ASSERT_EQ(ladder.back(), float_format(type).max_finite()) << name(type);
    for (std::size_t i = 0; i + 1 < ladder.size(); ++i) {
      const double low = ladder[i], high = ladder[i + 1], middle = low + (high - low) / 2;
      ASSERT_LT(low, high);
      for (double sign : {1.0, -1.0}) {
        const auto rounds = [&](double value, double expected) {
          return same(round_to(type, sign * value), sign * expected);
        };
        ASSERT_TRUE(rounds(low, low)) << name(type);
        ASSERT_TRUE(rounds(std::nextafter(low, kInf), low)) << name(type);
        ASSERT_TRUE(rounds(std::nextafter(middle, 0.0), low)) << name(type);
        ASSERT_TRUE(rounds(middle, i % 2 == 0 ? low : high)) << name(type);
        ASSERT_TRUE(rounds(std::nextafter(middle, kInf), high)) << name(type);
        ASSERT_TRUE(rounds(std::nextafter(high, 0.0), high)) << name(type);
      }
    }
  }
}

// The last tie is at half a step above the largest finite number. It is even in E4M3 only (mantissa 110; 111
// is NaN).
TEST(RoundTo, OverflowIsInfinityOrE4M3sNaN) {
  struct Case {
    DType type;
    double tie;
  };
  for (const Case& c : {Case{DType::f16, 65520}, Case{DType::e5m2, 61440}, Case{DType::bf16, 0x1.ffp127}}) {
    const double largest = float_format(c.type).max_finite();
    EXPECT_TRUE(same(round_to(c.type, std::nextafter(c.tie, 0.0)), largest)) << name(c.type);
    for (double value : {c.tie, std::nextafter(c.tie, kInf), 1e300, kInf}) {
      EXPECT_TRUE(same(round_to(c.type, value), kInf)) << name(c.type) << ' ' << value;
      EXPECT_TRUE(same(round_to(c.type, -value), -kInf)) << name(c.type) << ' ' << value;
    }
  }
  EXPECT_TRUE(same(round_to(DType::e4m3, 464), 448));
  EXPECT_TRUE(same(round_to(DType::e4m3, -464), -448));
  for (double value : {std::nextafter(464, kInf), 480.0, 512.0, 1e300, kInf}) {
    EXPECT_TRUE(same(round_to(DType::e4m3, value), kNaN)) << value;
    EXPECT_TRUE(same(round_to(DType::e4m3, -value), -kNaN)) << value;
    EXPECT_EQ(encode(DType::e4m3, value), 0x7fu);
    EXPECT_EQ(encode(DType::e4m3, -value), 0xffu);
  }
}

TEST(RoundTo, SaturationStopsAtTheLargestFiniteNumber) {
  for (DType type : kFloats) {
    const double largest = float_format(type).max_finite();
    for (double value : {largest, std::numeric_limits<double>::max(), kInf}) {
      EXPECT_TRUE(same(round_to(type, value, Overflow::saturate), largest)) << name(type) << ' ' << value;
      EXPECT_TRUE(same(round_to(type, -value, Overflow::saturate), -largest)) << name(type) << ' ' << value;
      EXPECT_EQ(decode(type, encode(type, -value, Overflow::saturate)), -largest) << name(type);
    }
    EXPECT_TRUE(std::isnan(round_to(type, kNaN, Overflow::saturate)));
    EXPECT_EQ(round_to(type, 0.75, Overflow::saturate), 0.75);
  }
}

TEST(RoundTo, KeepsNaNAndTheSignOfZero) {
  for (DType type : kFloats) {
    EXPECT_TRUE(std::isnan(round_to(type, kNaN))) << name(type);
    EXPECT_TRUE(std::isnan(round_to(type, -kNaN))) << name(type);
    EXPECT_TRUE(same(round_to(type, 0.0), 0.0)) << name(type);
    EXPECT_TRUE(same(round_to(type, -0.0), -0.0)) << name(type);
  }
  for (DType type : kNarrow) {  // an underflow is a signed zero too
    EXPECT_TRUE(same(round_to(type, -std::numeric_limits<double>::denorm_min()), -0.0)) << name(type);
    EXPECT_TRUE(same(round_to(type, float_format(type).min_subnormal() / 2), 0.0)) << name(type);
  }
}

TEST(RoundTo, SpansAreRoundedAsTheirElements) {
  std::mt19937 random(3);
  for (DType type : kFloats) {
    for (Overflow overflow : {Overflow::ieee, Overflow::saturate}) {
      std::vector<float> floats(10'000);
      for (float& value : floats) value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
      floats.back() = -std::numeric_limits<float>::infinity();
      std::vector<double> doubles(floats.begin(), floats.end());
      const std::vector<double> before = doubles;
      round_to(type, std::span(floats), overflow);
      round_to(type, std::span(doubles), overflow);
      for (std::size_t i = 0; i < before.size(); ++i) {
        const double expected = round_to(type, before[i], overflow);
        // A float cannot hold the largest double: saturated, it stops at its own largest.
        const double largest = std::numeric_limits<float>::max();
        const bool beyond_float = std::isfinite(expected) && std::fabs(expected) > largest;
        ASSERT_TRUE(same(doubles[i], expected)) << name(type) << ' ' << before[i];
        ASSERT_TRUE(same(floats[i], beyond_float ? std::copysign(largest, expected) : expected))
            << name(type) << ' ' << before[i];
      }
    }
  }
}

}  // namespace
}  // namespace attnlab
