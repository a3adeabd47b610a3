// Are fp16 and bf16 operations rounded once from the exact result, one number or two at a time?
//
// Exact results are __float128 (113 bits hold every product and sum here exactly, but for sums of bf16 whose
// exponents differ by more; there the random pairs stay closer), rounded by halving intervals over the
// format's own patterns.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tests/simulator/emulator/ptx/evaluate.h"

namespace attnlab::emulator::ptx {
namespace {

__extension__ using Exact = __float128;

struct Half {
  static constexpr const char* name = "f16";
  static float value(std::uint16_t bits) { return evaluate<float>("cvt.f32.f16", bits); }
};
struct Brain {
  static constexpr const char* name = "bf16";
  static float value(std::uint16_t bits) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
  }
};

template <class Format>
class Halves : public testing::Test {};
using Formats = testing::Types<Half, Brain>;
TYPED_TEST_SUITE(Halves, Formats);

// The pattern to which an exact positive or negative value rounds. Patterns of one sign are ordered as their
// values; one past the largest finite one counts as the power of two that would follow it.
template <class Format>
std::uint16_t rounded(Exact exact, bool negative_zero) {
  const bool negative = exact < 0 || (exact == 0 && negative_zero);
  const Exact magnitude = exact < 0 ? -exact : exact;
  std::uint32_t infinity = 0;
  while (!std::isinf(Format::value(static_cast<std::uint16_t>(infinity)))) infinity += 0x80;
  const auto value = [&](std::uint32_t bits) -> Exact {
    if (bits < infinity) return Format::value(static_cast<std::uint16_t>(bits));
    return Exact{2} * Format::value(static_cast<std::uint16_t>(bits - 1)) -
           Format::value(static_cast<std::uint16_t>(bits - 2));
  };
  std::uint32_t below = 0, above = infinity;
  if (magnitude >= value(infinity)) below = infinity;
  while (above - below > 1 && below < infinity) {
    const std::uint32_t middle = (below + above) / 2;
    (value(middle) <= magnitude ? below : above) = middle;
  }
  if (below < infinity) {
    const Exact to_below = magnitude - value(below), to_above = value(below + 1) - magnitude;
    if (to_above < to_below || (to_above == to_below && below % 2 == 1)) ++below;
  }
  return static_cast<std::uint16_t>(below | (negative ? 0x8000u : 0u));
}

std::vector<std::uint16_t> finite_patterns(std::uint32_t infinity) {
  std::vector<std::uint16_t> patterns = {
      0x0000, 0x0001, 0x0002, 0x007f, 0x0080, 0x03ff, 0x0400,
      0x3c00, 0x3c01, 0x3f80, 0x3f81, 0x3555, 0x6400, static_cast<std::uint16_t>(infinity - 1)};
  std::mt19937 random(5);
  while (patterns.size() < 40) patterns.push_back(static_cast<std::uint16_t>(0x2000 + random() % 0x3000));
  const std::size_t n = patterns.size();
  for (std::size_t i = 0; i < n; ++i) patterns.push_back(patterns[i] | 0x8000);
  return patterns;
}
template <class Format>
std::vector<std::uint16_t> patterns() {
  return finite_patterns(std::is_same_v<Format, Half> ? 0x7c00 : 0x7f80);
}

TYPED_TEST(Halves, SumsAndProducts) {
  using F = TypeParam;
  const std::string type = std::string(".") + F::name;
  for (const std::uint16_t a : patterns<F>()) {
    for (const std::uint16_t b : patterns<F>()) {
      const Exact x = F::value(a), y = F::value(b);
      const bool both_negative = (a & b & 0x8000) != 0, differ = ((a ^ b) & 0x8000) != 0;
      ASSERT_EQ(evaluate<std::uint16_t>("add" + type, a, b), rounded<F>(x + y, both_negative))
          << std::hex << a << " " << b;
      ASSERT_EQ(evaluate<std::uint16_t>("sub" + type, a, b), rounded<F>(x - y, (a & ~b & 0x8000) != 0))
          << std::hex << a << " " << b;
      ASSERT_EQ(evaluate<std::uint16_t>("mul.rn" + type, a, b), rounded<F>(x * y, differ))
          << std::hex << a << " " << b;
    }
  }
}

TYPED_TEST(Halves, FusedRoundsOnce) {
  using F = TypeParam;
  const std::string type = std::string(".") + F::name;
  std::mt19937 random(7);
  const auto all = patterns<F>();
  for (int i = 0; i < 20000; ++i) {
    const std::uint16_t a = all[random() % all.size()], b = all[random() % all.size()],
                        c = all[random() % all.size()];
    const Exact exact = static_cast<Exact>(F::value(a)) * F::value(b) + F::value(c);
    if (exact == 0) continue;
    ASSERT_EQ(evaluate<std::uint16_t>("fma.rn" + type, a, b, c), rounded<F>(exact, false))
        << std::hex << a << " " << b << " " << c;
    const std::uint16_t rectified = exact < 0 ? 0 : rounded<F>(exact, false);
    ASSERT_EQ(evaluate<std::uint16_t>("fma.rn.relu" + type, a, b, c), rectified);
  }
}

// In bf16 a product can lie in the middle of two numbers, and an addend 60 binary places below decides.
TEST(Half, AddendFarBelowATie) {
  const std::uint16_t a = 0x3f88, b = 0x3f98;  // 1.0625 * 1.1875 = 1.26171875 = 0b1.0100001'1
  const float product = 1.0625f * 1.1875f;
  ASSERT_EQ(std::bit_cast<std::uint32_t>(product), 0x3fa18000u);  // a tie between 3fa1 and 3fa2
  EXPECT_EQ(evaluate<std::uint16_t>("fma.rn.bf16", a, b, std::uint16_t{0x2000}), 0x3fa2);
  EXPECT_EQ(evaluate<std::uint16_t>("fma.rn.bf16", a, b, std::uint16_t{0xa000}), 0x3fa1);
}

TYPED_TEST(Halves, PairsAreTwo) {
  using F = TypeParam;
  const std::string type = std::string(".") + F::name;
  const auto all = patterns<F>();
  for (std::size_t i = 0; i + 5 < all.size(); ++i) {
    const auto pair = [&](std::size_t k) { return all[k] | static_cast<std::uint32_t>(all[k + 1]) << 16; };
    const auto expect = [&](const std::string& op, auto... at) {
      const auto two = evaluate<std::uint32_t>(op + type + "x2", pair(at)...);
      const auto low = evaluate<std::uint16_t>(op + type, all[at]...),
                 high = evaluate<std::uint16_t>(op + type, all[at + 1]...);
      ASSERT_EQ(two, low | static_cast<std::uint32_t>(high) << 16) << op << type;
    };
    expect("add", i, i + 2);
    expect("sub", i, i + 3);
    expect("mul", i, i + 2);
    expect("fma.rn", i, i + 2, i + 4);
    expect("min", i, i + 3);
    expect("max.NaN", i, i + 3);
    expect("neg", i);
    expect("abs", i);
  }
}

TYPED_TEST(Halves, Extremes) {
  using F = TypeParam;
  const std::string type = std::string(".") + F::name;
  const std::uint16_t nan = 0x7fff, one = std::is_same_v<F, Half> ? 0x3c00 : 0x3f80, zero = 0,
                      minus_zero = 0x8000;
  EXPECT_EQ(evaluate<std::uint16_t>("min" + type, nan, one), one);
  EXPECT_EQ(evaluate<std::uint16_t>("max" + type, one, nan), one);
  EXPECT_EQ(evaluate<std::uint16_t>("max.NaN" + type, one, nan), nan);
  EXPECT_EQ(evaluate<std::uint16_t>("max.NaN" + type, nan, one), nan);
  EXPECT_EQ(evaluate<std::uint16_t>("min" + type, nan, nan), nan);
  EXPECT_EQ(evaluate<std::uint16_t>("min" + type, zero, minus_zero), minus_zero);
  EXPECT_EQ(evaluate<std::uint16_t>("max" + type, minus_zero, zero), zero);
  const auto minus_one = static_cast<std::uint16_t>(one | 0x8000);
  EXPECT_EQ(evaluate<std::uint16_t>("max.xorsign.abs" + type, minus_one, zero), minus_one);
  for (const std::uint16_t a : patterns<F>()) {
    for (const std::uint16_t b : patterns<F>()) {
      if ((a & 0x7fff) == 0 && (b & 0x7fff) == 0) continue;
      const bool less = F::value(a) < F::value(b);
      ASSERT_EQ(F::value(evaluate<std::uint16_t>("min" + type, a, b)), F::value(less ? a : b));
      ASSERT_EQ(F::value(evaluate<std::uint16_t>("max" + type, a, b)), F::value(less ? b : a));
    }
  }
}

TEST(Half, SaturationFlushingAndOverflow) {
  EXPECT_EQ(evaluate<std::uint16_t>("add.f16", std::uint16_t{0x7bff}, std::uint16_t{0x7bff}), 0x7c00);
  EXPECT_EQ(evaluate<std::uint16_t>("add.sat.f16", std::uint16_t{0x4000}, std::uint16_t{0x4000}), 0x3c00);
  EXPECT_EQ(evaluate<std::uint16_t>("mul.ftz.f16", std::uint16_t{0x0400}, std::uint16_t{0x3800}), 0x0000);
  EXPECT_EQ(evaluate<std::uint16_t>("mul.f16", std::uint16_t{0x0400}, std::uint16_t{0x3800}), 0x0200);
  EXPECT_EQ(evaluate<std::uint16_t>("add.ftz.f16", std::uint16_t{0x8001}, std::uint16_t{0x8001}), 0x8000);
  EXPECT_EQ(evaluate<std::uint16_t>("sub.f16", std::uint16_t{0x7c00}, std::uint16_t{0x7c00}), 0x7fff);
}

TEST(Half, Functions) {
  EXPECT_EQ(evaluate<std::uint16_t>("ex2.approx.f16", std::uint16_t{0x4200}), 0x4800);    // 2^3 = 8
  EXPECT_EQ(evaluate<std::uint32_t>("ex2.approx.f16x2", 0x4200c000u), 0x48003400u);       // 2^3, 2^-2
  EXPECT_EQ(evaluate<std::uint32_t>("ex2.approx.ftz.bf16x2", 0x40400000u), 0x41003f80u);  // 2^3, 2^0
  EXPECT_EQ(evaluate<std::uint16_t>("tanh.approx.f16", std::uint16_t{0x0000}), 0x0000);
  EXPECT_EQ(evaluate<std::uint32_t>("tanh.approx.bf16x2", 0x42c8c2c8u), 0x3f80bf80u);  // tanh(+-100)
}

}  // namespace
}  // namespace attnlab::emulator::ptx
