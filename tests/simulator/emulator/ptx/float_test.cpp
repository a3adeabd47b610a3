// Do fp32 and fp64 instructions round, flush, saturate and treat NaN as the PTX ISA says?
//
// Formulas use the host's IEEE arithmetic in a wider type or another rounding mode; functions that PTX only
// approximates are held to the ISA's own error bounds.
#include <gtest/gtest.h>

#include <cfenv>
#include <cmath>
#include <limits>

#include "tests/simulator/emulator/ptx/evaluate.h"

namespace attnlab::emulator::ptx {
namespace {

std::uint32_t bits(float x) { return std::bit_cast<std::uint32_t>(x); }
constexpr std::uint32_t canonical_nan = 0x7fffffffu;

// Equal in every bit, zeros' signs included; NaN is PTX's.
testing::AssertionResult same(float got, float wanted) {
  const std::uint32_t pattern = std::isnan(wanted) ? canonical_nan : bits(wanted);
  if (bits(got) == pattern) return testing::AssertionSuccess();
  return testing::AssertionFailure() << got << std::hex << " (0x" << bits(got) << "), expected " << wanted
                                     << " (0x" << pattern << ")";
}
float flushed(float x) { return std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(0.0f, x) : x; }
float clamped(float x) { return std::isnan(x) || x <= 0 ? 0.0f : std::min(x, 1.0f); }

// The fp32 next to an exact value, in one direction, by searching from the nearest.
float directed(double exact, bool up) {
  const auto nearest = static_cast<float>(exact);
  const double value = nearest;
  if (value == exact || std::isnan(exact)) return nearest;
  if (up) return value > exact ? nearest : std::nextafterf(nearest, INFINITY);
  return value < exact ? nearest : std::nextafterf(nearest, -INFINITY);
}

TEST(Float, SumsAndProducts) {
  for (const float a : float_edges()) {
    for (const float b : float_edges()) {
      ASSERT_TRUE(same(evaluate<float>("add.f32", a, b), a + b)) << a << " + " << b;
      ASSERT_TRUE(same(evaluate<float>("sub.rn.f32", a, b), a - b)) << a << " - " << b;
      ASSERT_TRUE(same(evaluate<float>("mul.f32", a, b), a * b)) << a << " * " << b;
      ASSERT_TRUE(same(evaluate<float>("div.rn.f32", a, b), a / b)) << a << " / " << b;
      ASSERT_TRUE(same(evaluate<float>("div.full.f32", a, b), a / b)) << a << " / " << b;
      ASSERT_TRUE(same(evaluate<float>("add.ftz.f32", a, b), flushed(flushed(a) + flushed(b))))
          << a << " + " << b;
      ASSERT_TRUE(same(evaluate<float>("mul.ftz.sat.f32", a, b), clamped(flushed(flushed(a) * flushed(b)))))
          << a << b;
      ASSERT_TRUE(same(evaluate<float>("add.sat.f32", a, b), clamped(a + b))) << a << " + " << b;
      ASSERT_TRUE(same(evaluate<float>("fma.rn.f32", a, b, 0.5f), std::fma(a, b, 0.5f))) << a << " * " << b;
      ASSERT_TRUE(same(evaluate<float>("mad.rn.f32", a, b, a), std::fma(a, b, a))) << a << " * " << b;
    }
  }
}

// Sums of these and products of any two fp32 are exact in fp64.
TEST(Float, DirectedRoundings) {
  for (const float a : float_edges()) {
    for (const float b : float_edges()) {
      const double product = double{a} * double{b};
      if (!std::isfinite(product)) continue;
      ASSERT_TRUE(same(evaluate<float>("mul.rp.f32", a, b), directed(product, true))) << a << " * " << b;
      ASSERT_TRUE(same(evaluate<float>("mul.rm.f32", a, b), directed(product, false))) << a << " * " << b;
      ASSERT_TRUE(same(evaluate<float>("mul.rz.f32", a, b), directed(product, std::signbit(product))))
          << a << " * " << b;
    }
  }
  const float third = 1.0f / 3.0f, tiny = 0x1p-30f;
  EXPECT_EQ(evaluate<float>("add.rp.f32", 1.0f, tiny), std::nextafterf(1, 2));
  EXPECT_EQ(evaluate<float>("add.rm.f32", 1.0f, tiny), 1.0f);
  EXPECT_EQ(evaluate<float>("sub.rz.f32", 1.0f, tiny), std::nextafterf(1, 0));
  EXPECT_TRUE(same(evaluate<float>("add.rm.f32", 1.0f, -1.0f), -0.0f));
  EXPECT_EQ(evaluate<float>("div.rz.f32", 1.0f, 3.0f), std::nextafterf(third, 0));
  EXPECT_EQ(evaluate<float>("div.rp.f32", 1.0f, 3.0f), third);
  EXPECT_EQ(evaluate<float>("rcp.rm.f32", 3.0f), std::nextafterf(third, 0));
  EXPECT_EQ(evaluate<float>("sqrt.rp.f32", 2.0f), std::nextafterf(static_cast<float>(std::sqrt(2.0)), 2));
  EXPECT_EQ(evaluate<float>("fma.rz.f32", third, 3.0f, tiny),
            directed(double{third} * 3 + double{tiny}, false));
  EXPECT_EQ(evaluate<double>("add.rp.f64", 1.0, 0x1p-80), std::nextafter(1.0, 2));
  EXPECT_EQ(evaluate<double>("fma.rn.f64", 0.1, 10.0, -1.0), std::fma(0.1, 10.0, -1.0));
  EXPECT_EQ(evaluate<double>("div.rn.f64", 1.0, 3.0), 1.0 / 3.0);
  EXPECT_EQ(evaluate<double>("sqrt.rn.f64", 2.0), std::sqrt(2.0));
}

TEST(Float, ApproximateDivisionLosesHugeDivisors) {
  EXPECT_EQ(evaluate<float>("div.approx.f32", 3.0f, 2.0f), 1.5f);
  EXPECT_TRUE(same(evaluate<float>("div.approx.f32", -1.0f, 0x1.8p126f), -0.0f));
  EXPECT_TRUE(same(evaluate<float>("div.approx.f32", INFINITY, 0x1.8p126f), NAN));
  EXPECT_EQ(evaluate<float>("div.full.f32", 0x1p126f, 0x1p127f), 0.5f);
}

// The smaller or larger; a NaN only when both are, or with .NaN; -0 is smaller than +0.
TEST(Float, Extremes) {
  const auto order = [](float x) { return std::signbit(x) ? -1.0 - bits(-x) : 1.0 * bits(x); };
  for (const float a : float_edges()) {
    for (const float b : float_edges()) {
      const float smaller = std::isnan(a) ? b : std::isnan(b) ? a : order(a) < order(b) ? a : b;
      const float larger = std::isnan(a) ? b : std::isnan(b) ? a : order(a) > order(b) ? a : b;
      ASSERT_TRUE(same(evaluate<float>("min.f32", a, b), smaller)) << a << ", " << b;
      ASSERT_TRUE(same(evaluate<float>("max.f32", a, b), larger)) << a << ", " << b;
      const bool nan = std::isnan(a) || std::isnan(b);
      ASSERT_TRUE(same(evaluate<float>("max.NaN.f32", a, b), nan ? NAN : larger)) << a << ", " << b;
      const float magnitude = nan ? std::fabs(smaller) : std::min(std::fabs(a), std::fabs(b));
      const bool negative = std::signbit(a) != std::signbit(b);
      ASSERT_TRUE(same(evaluate<float>("min.xorsign.abs.f32", a, b), negative ? -magnitude : magnitude))
          << a << ", " << b;
    }
  }
}

TEST(Float, Signs) {
  for (const float a : float_edges()) {
    if (std::isnan(a)) continue;
    EXPECT_TRUE(same(evaluate<float>("neg.f32", a), -a));
    EXPECT_TRUE(same(evaluate<float>("abs.f32", a), std::fabs(a)));
    EXPECT_TRUE(same(evaluate<float>("neg.ftz.f32", a), -flushed(a)));
    EXPECT_TRUE(same(evaluate<float>("copysign.f32", -1.0f, a), -std::fabs(a)));
  }
  EXPECT_EQ(evaluate<double>("neg.f64", 2.5), -2.5);
}

// Largest errors as the ISA states them for .approx, here on a grid; special values exactly.
TEST(Float, Functions) {
  const auto relative = [](float got, double wanted) { return std::fabs(got - wanted) / std::fabs(wanted); };
  for (float x = 0.0625f; x < 64; x *= 1.37f) {
    EXPECT_LE(relative(evaluate<float>("rcp.approx.f32", x), 1 / double{x}), 0x1p-23);
    EXPECT_LE(relative(evaluate<float>("sqrt.approx.f32", x), std::sqrt(double{x})), 0x1p-23);
    EXPECT_LE(relative(evaluate<float>("rsqrt.approx.f32", x), 1 / std::sqrt(double{x})), 0x1p-22);
    EXPECT_LE(relative(evaluate<float>("ex2.approx.f32", -x), std::exp2(-double{x})), 0x1p-22);
    EXPECT_NEAR(evaluate<float>("lg2.approx.f32", x), std::log2(double{x}), 0x1p-21);
    EXPECT_NEAR(evaluate<float>("sin.approx.f32", x / 32), std::sin(double{x} / 32), 0x1p-20);
    EXPECT_NEAR(evaluate<float>("cos.approx.f32", x / 32), std::cos(double{x} / 32), 0x1p-20);
    EXPECT_LE(relative(evaluate<float>("tanh.approx.f32", x), std::tanh(double{x})), 0x1p-11);
  }
  EXPECT_TRUE(same(evaluate<float>("rcp.approx.f32", -0.0f), -INFINITY));
  EXPECT_TRUE(same(evaluate<float>("rcp.approx.ftz.f32", 0x1p-140f), INFINITY));
  EXPECT_TRUE(same(evaluate<float>("sqrt.approx.f32", -1.0f), NAN));
  EXPECT_TRUE(same(evaluate<float>("rsqrt.approx.f32", -0.0f), -INFINITY));
  EXPECT_TRUE(same(evaluate<float>("ex2.approx.f32", -140.0f), 0x1p-140f));
  EXPECT_TRUE(same(evaluate<float>("ex2.approx.ftz.f32", -140.0f), 0.0f));
  EXPECT_TRUE(same(evaluate<float>("lg2.approx.f32", 0.0f), -INFINITY));
  EXPECT_TRUE(same(evaluate<float>("lg2.approx.f32", -2.0f), NAN));
  EXPECT_TRUE(same(evaluate<float>("sin.approx.f32", INFINITY), NAN));
  EXPECT_EQ(evaluate<double>("rcp.rn.f64", 3.0), 1.0 / 3.0);
  EXPECT_EQ(evaluate<double>("rsqrt.approx.f64", 4.0), 0.5);
}

TEST(Float, CountsItsOperations) {
  fake::reset();
  evaluate<float>("add.f32", 1.0f, 2.0f);
  evaluate<float>("sub.f32", 1.0f, 2.0f);
  evaluate<float>("mul.f32", 1.0f, 2.0f);
  evaluate<float>("fma.rn.f32", 1.0f, 2.0f, 3.0f);
  evaluate<float>("ex2.approx.f32", 1.0f);
  evaluate<std::int32_t>("add.s32", 1, 2);
  EXPECT_EQ(fake::device.operations[Operation::fadd], 2u);
  EXPECT_EQ(fake::device.operations[Operation::fmul], 1u);
  EXPECT_EQ(fake::device.operations[Operation::fma], 1u);
  EXPECT_EQ(fake::device.operations[Operation::special_function], 1u);
}

}  // namespace
}  // namespace attnlab::emulator::ptx
