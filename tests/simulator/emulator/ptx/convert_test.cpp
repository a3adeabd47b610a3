// Does cvt convert between every pair of types as the PTX ISA says: rounding, ranges, NaN, packing?
//
// Roundings to narrow formats are compared with reference/core/dtype.h (to nearest, an implementation of its
// own), and with a search over all patterns of the format for the directed ones.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>

#include "reference/core/dtype.h"
#include "tests/simulator/emulator/ptx/evaluate.h"

namespace attnlab::emulator::ptx {
namespace {

std::uint32_t bits(float x) { return std::bit_cast<std::uint32_t>(x); }

// The value of a pattern, from the format's definition.
double value_of(DType type, std::uint32_t pattern) {
  const FloatFormat f = float_format(type);
  const std::uint32_t fields = 1u << f.exponent_bits, mantissas = 1u << f.mantissa_bits;
  const std::uint32_t mantissa = pattern % mantissas, field = pattern / mantissas % fields;
  const double sign = pattern / mantissas / fields != 0 ? -1 : 1;
  if (field == fields - 1 && f.has_infinity) return mantissa == 0 ? sign * INFINITY : NAN;
  if (field == fields - 1 && mantissa == mantissas - 1) return NAN;
  if (field == 0) return sign * mantissa * std::exp2(f.min_exponent() - f.mantissa_bits);
  return sign * (mantissas + mantissa) * std::exp2(static_cast<int>(field) - f.bias - f.mantissa_bits);
}

TEST(Convert, SixteenBitsToSingleAndBack) {
  for (std::uint32_t pattern = 0; pattern < 0x10000; ++pattern) {
    const auto h = static_cast<std::uint16_t>(pattern);
    for (const bool brain : {false, true}) {
      const double value = value_of(brain ? DType::bf16 : DType::f16, pattern);
      const auto wide = evaluate<float>(brain ? "cvt.f32.bf16" : "cvt.f32.f16", h);
      if (std::isnan(value)) {
        ASSERT_EQ(bits(wide), 0x7fffffffu) << std::hex << pattern;
        continue;
      }
      ASSERT_EQ(wide, value) << std::hex << pattern;
      ASSERT_EQ(std::signbit(wide), std::signbit(value)) << std::hex << pattern;
      ASSERT_EQ(evaluate<std::uint16_t>(brain ? "cvt.rn.bf16.f32" : "cvt.rn.f16.f32", wide), h);
      ASSERT_EQ(evaluate<std::uint16_t>(brain ? "cvt.rz.bf16.f32" : "cvt.rp.f16.f32", wide), h);
    }
  }
}

// Numbers around every number of a format: itself, the middle to the next, and a little off each.
std::vector<float> around(DType type) {
  std::vector<float> values = float_edges();
  const std::uint32_t total = type == DType::f16 || type == DType::bf16 ? 16 : 8;
  for (std::uint32_t pattern = 0; pattern < (1u << total); pattern += total == 16 ? 61 : 1) {
    const double value = value_of(type, pattern), next = value_of(type, pattern + 1);
    if (!std::isfinite(value) || !std::isfinite(next)) continue;
    const auto middle = static_cast<float>((value + next) / 2);
    for (const float x : {static_cast<float>(value), middle}) {
      for (const float y : {x, std::nextafterf(x, INFINITY), std::nextafterf(x, -INFINITY)})
        values.push_back(y);
    }
  }
  return values;
}

TEST(Convert, RoundsToHalvesToNearest) {
  for (const auto& [type, name] : {std::pair(DType::f16, "f16"), std::pair(DType::bf16, "bf16")}) {
    for (const float x : around(type)) {
      if (std::isnan(x)) continue;
      const auto pattern = evaluate<std::uint16_t>(std::string("cvt.rn.") + name + ".f32", x);
      const double wanted = round_to(type, x);
      ASSERT_EQ(value_of(type, pattern), wanted) << name << " " << x;
      ASSERT_EQ(pattern >> 15 != 0, std::signbit(x)) << name << " " << x;
      const auto finite = evaluate<std::uint16_t>(std::string("cvt.rn.satfinite.") + name + ".f32", x);
      ASSERT_EQ(value_of(type, finite), round_to(type, x, Overflow::saturate)) << name << " " << x;
    }
  }
  EXPECT_EQ(evaluate<std::uint16_t>("cvt.rn.f16.f32", NAN), 0x7fff);
  EXPECT_EQ(evaluate<std::uint16_t>("cvt.rn.bf16.f32", NAN), 0x7fff);
  EXPECT_EQ(evaluate<std::uint16_t>("cvt.rn.relu.f16.f32", -3.0f), 0);
  EXPECT_EQ(evaluate<std::uint16_t>("cvt.rn.relu.f16.f32", NAN), 0x7fff);
}

// Directed roundings: the neighbour on that side, and the largest number where to nearest would give
// infinity.
TEST(Convert, RoundsToHalvesDirected) {
  for (const float x : around(DType::f16)) {
    if (std::isnan(x)) continue;
    const auto down = evaluate<std::uint16_t>("cvt.rm.f16.f32", x),
               up = evaluate<std::uint16_t>("cvt.rp.f16.f32", x);
    const double below = value_of(DType::f16, down), above = value_of(DType::f16, up);
    ASSERT_LE(below, x);
    ASSERT_GE(above, x);
    if (below != above) {
      // Neighbours: there is no number between them.
      const std::uint32_t step = below < 0 ? (down == 0x8001 ? 0x8000u : down - 1u) : down + 1u;
      ASSERT_EQ(value_of(DType::f16, step), above) << x;
    }
    ASSERT_EQ(evaluate<std::uint16_t>("cvt.rz.f16.f32", x), std::signbit(x) ? up : down) << x;
  }
}

TEST(Convert, Packs) {
  const auto packed = evaluate<std::uint32_t>("cvt.rn.f16x2.f32", 1.0f, -2.0f);
  EXPECT_EQ(packed, 0x3c00c000u);  // the first source above
  EXPECT_EQ(evaluate<std::uint32_t>("cvt.rn.bf16x2.f32", 1.0f, -2.0f), 0x3f80c000u);
  EXPECT_EQ(evaluate<std::uint32_t>("cvt.rz.bf16x2.f32", std::nextafterf(1.0f, 0), 3.0f), 0x3f7f4040u);
  EXPECT_EQ(evaluate<std::uint32_t>("cvt.rn.relu.f16x2.f32", -1.0f, 2.0f), 0x00004000u);
}

TEST(Convert, EightBitFormats) {
  for (const auto& [type, name] : {std::pair(DType::e4m3, "e4m3x2"), std::pair(DType::e5m2, "e5m2x2")}) {
    const std::string to = std::string("cvt.rn.satfinite.") + name;
    for (const float x : around(type)) {
      if (std::isnan(x)) continue;
      const auto pair = evaluate<std::uint16_t>(to + ".f32", x, 1.0f);
      ASSERT_EQ(value_of(type, pair >> 8), round_to(type, x, Overflow::saturate)) << name << " " << x;
      ASSERT_EQ(value_of(type, pair & 0xff), 1.0);
      ASSERT_EQ(pair >> 15 != 0, std::signbit(x)) << name << " " << x;
    }
    EXPECT_EQ(evaluate<std::uint16_t>(to + ".f32", NAN, -NAN), 0x7f7f);
    EXPECT_EQ(evaluate<std::uint16_t>(std::string("cvt.rn.satfinite.relu.") + name + ".f32", -1.0f, -0.0f),
              0);
    // Every pair widens to fp16 and comes back.
    for (std::uint32_t pattern = 0; pattern < 256; ++pattern) {
      const auto pair = static_cast<std::uint16_t>(pattern | 0x3c00);
      const auto wide = evaluate<std::uint32_t>(std::string("cvt.rn.f16x2.") + name, pair);
      const double value = value_of(type, pattern);
      if (std::isnan(value)) {
        EXPECT_EQ(wide & 0xffff, 0x7fffu);
        continue;
      }
      EXPECT_EQ(value_of(DType::f16, wide & 0xffff), value) << name << std::hex << pattern;
      EXPECT_EQ(value_of(DType::f16, wide >> 16), value_of(type, 0x3c));
      if (std::isinf(value)) continue;
      EXPECT_EQ(evaluate<std::uint16_t>(to + ".f16x2", wide), pair);
    }
  }
}

TEST(Convert, TensorFloat) {
  const auto rna = [](float x) { return evaluate<std::uint32_t>("cvt.rna.tf32.f32", x); };
  EXPECT_EQ(rna(1.0f), bits(1.0f));
  EXPECT_EQ(rna(1.0f + 0x1p-11f), bits(1.0f + 0x1p-10f));  // a tie goes away from zero
  EXPECT_EQ(rna(-1.0f - 0x1p-11f), bits(-1.0f - 0x1p-10f));
  EXPECT_EQ(rna(1.0f + 0x1p-12f), bits(1.0f));
  EXPECT_EQ(evaluate<std::uint32_t>("cvt.rn.tf32.f32", 1.0f + 0x1p-11f), bits(1.0f));
  EXPECT_EQ(evaluate<std::uint32_t>("cvt.rz.tf32.f32", 2.0f - 0x1p-20f), bits(2.0f - 0x1p-10f));
  EXPECT_EQ(rna(INFINITY), bits(INFINITY));
  EXPECT_EQ(rna(NAN), 0x7fc00000u);  // an H200's answer
}

template <class T>
std::string suffix() {
  return (std::is_signed_v<T> ? ".s" : ".u") + std::to_string(8 * sizeof(T));
}
template <class T>
class ConvertIntegers : public testing::Test {};
using Types =
    testing::Types<std::uint16_t, std::int16_t, std::uint32_t, std::int32_t, std::uint64_t, std::int64_t>;
TYPED_TEST_SUITE(ConvertIntegers, Types);

template <class To, class From>
void expect_integer() {
  __extension__ using Wide = __int128;
  for (const From a : edges<From>()) {
    ASSERT_EQ(evaluate<To>("cvt" + suffix<To>() + suffix<From>(), a), static_cast<To>(a));
    if (std::in_range<To>(std::numeric_limits<From>::min()) &&
        std::in_range<To>(std::numeric_limits<From>::max()))
      continue;
    const Wide least = std::numeric_limits<To>::min(), most = std::numeric_limits<To>::max();
    ASSERT_EQ(evaluate<To>("cvt.sat" + suffix<To>() + suffix<From>(), a),
              static_cast<To>(std::clamp<Wide>(a, least, most)))
        << suffix<To>() << suffix<From>() << " " << +a;
  }
}
TYPED_TEST(ConvertIntegers, FromIntegers) {
  expect_integer<TypeParam, std::uint16_t>();
  expect_integer<TypeParam, std::int16_t>();
  expect_integer<TypeParam, std::uint32_t>();
  expect_integer<TypeParam, std::int32_t>();
  expect_integer<TypeParam, std::uint64_t>();
  expect_integer<TypeParam, std::int64_t>();
}

TYPED_TEST(ConvertIntegers, FromFloats) {
  using T = TypeParam;
  const long double least = std::numeric_limits<T>::min(), most = std::numeric_limits<T>::max();
  std::vector<float> values = float_edges();
  for (const float x :
       {0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 1e5f, -1e5f, 32767.5f, 65535.5f, 3e9f, -3e9f, 1e19f, -1e19f})
    values.push_back(x);
  for (const float x : values) {
    const auto clamp = [&](double whole) {
      return static_cast<T>(std::clamp<long double>(static_cast<long double>(whole), least, most));
    };
    if (std::isnan(x)) {
      const T wanted = sizeof(T) == 8 ? static_cast<T>(std::uint64_t{1} << 63) : T(0);
      EXPECT_EQ(evaluate<T>("cvt.rzi" + suffix<T>() + ".f32", x), wanted);
      continue;
    }
    EXPECT_EQ(evaluate<T>("cvt.rzi" + suffix<T>() + ".f32", x), clamp(std::trunc(x))) << x;
    EXPECT_EQ(evaluate<T>("cvt.rni" + suffix<T>() + ".f32", x), clamp(std::nearbyint(x))) << x;
    EXPECT_EQ(evaluate<T>("cvt.rmi" + suffix<T>() + ".f32", x), clamp(std::floor(x))) << x;
    EXPECT_EQ(evaluate<T>("cvt.rpi" + suffix<T>() + ".f32", x), clamp(std::ceil(x))) << x;
    EXPECT_EQ(evaluate<T>("cvt.rzi" + suffix<T>() + ".f64", double{x}), clamp(std::trunc(x))) << x;
  }
  EXPECT_EQ(evaluate<T>("cvt.rzi" + suffix<T>() + ".f16", std::uint16_t{0x4500}), 5);
}

TYPED_TEST(ConvertIntegers, ToFloats) {
  using T = TypeParam;
  for (const T a : edges<T>()) {
    EXPECT_EQ(evaluate<float>("cvt.rn.f32" + suffix<T>(), a), static_cast<float>(a)) << +a;
    EXPECT_EQ(evaluate<double>("cvt.rn.f64" + suffix<T>(), a), static_cast<double>(a)) << +a;
    const auto down = evaluate<float>("cvt.rm.f32" + suffix<T>(), a);
    EXPECT_LE(static_cast<long double>(down), static_cast<long double>(a));
    EXPECT_GT(static_cast<long double>(std::nextafterf(down, INFINITY)), static_cast<long double>(a));
    const auto half = evaluate<std::uint16_t>("cvt.rn.f16" + suffix<T>(), a);
    EXPECT_EQ(value_of(DType::f16, half), round_to(DType::f16, static_cast<double>(a))) << +a;
  }
}

// 2^63 plus half an fp32 unit there, and a bit more than fp64 holds: no tie.
TEST(Convert, LongIntegersRoundOnce) {
  const std::uint64_t tie = (std::uint64_t{1} << 63) + (std::uint64_t{1} << 39);
  EXPECT_EQ(evaluate<float>("cvt.rn.f32.u64", tie), 0x1p63f);
  EXPECT_EQ(evaluate<float>("cvt.rn.f32.u64", tie + 1), 0x1.000002p63f);
  EXPECT_EQ(evaluate<float>("cvt.rn.f32.s64", -static_cast<std::int64_t>(tie / 2 + 1)), -0x1.000002p62f);
}

TEST(Convert, NanOfADoubleIsTheMostNegative) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(evaluate<std::int32_t>("cvt.rzi.s32.f64", nan), INT32_MIN);
  EXPECT_EQ(evaluate<std::uint32_t>("cvt.rzi.u32.f64", nan), 0x80000000u);
}

TEST(Convert, FloatsToFloats) {
  for (const float x : float_edges()) {
    if (std::isnan(x)) continue;
    EXPECT_EQ(bits(evaluate<float>("cvt.rni.f32.f32", x)), bits(std::nearbyint(x))) << x;
    EXPECT_EQ(bits(evaluate<float>("cvt.rmi.f32.f32", x)), bits(std::floor(x))) << x;
    EXPECT_EQ(evaluate<double>("cvt.f64.f32", x), double{x});
    EXPECT_EQ(bits(evaluate<float>("cvt.rn.f32.f64", double{x} * (1 + 0x1p-30))),
              bits(static_cast<float>(double{x} * (1 + 0x1p-30))));
    EXPECT_EQ(evaluate<float>("cvt.sat.f32.f32", x), std::clamp(x, 0.0f, 1.0f)) << x;
  }
  EXPECT_EQ(bits(evaluate<float>("cvt.rz.f32.f64", 1e300)), bits(std::numeric_limits<float>::max()));
  EXPECT_EQ(bits(evaluate<float>("cvt.rn.f32.f64", 1e300)), bits(INFINITY));
  EXPECT_EQ(bits(evaluate<float>("cvt.rn.ftz.f32.f64", 1e-40)), 0u);
  EXPECT_EQ(bits(evaluate<float>("cvt.sat.f32.f32", NAN)), 0u);
}

// A narrow integer from a wider register, extended into a wider one.
TEST(Convert, RegistersMayBeWider) {
  std::uint32_t d = 0;
  run_text("cvt.s32.s8 %0, %1;", out("=r", d), in("r", 0x1234f0u));
  EXPECT_EQ(d, 0xfffffff0u);
  run_text("cvt.u8.u32 %0, %1;", out("=r", d), in("r", 0x1234f0u));
  EXPECT_EQ(d, 0xf0u);
  run_text("cvt.sat.s8.s32 %0, %1;", out("=r", d), in("r", 0xfffff000u));
  EXPECT_EQ(d, 0xffffff80u);
}

}  // namespace
}  // namespace attnlab::emulator::ptx
