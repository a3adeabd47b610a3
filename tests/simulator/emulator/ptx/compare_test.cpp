// Do setp, set, selp and slct answer as the PTX ISA says, with NaN, with both destinations, and combined with
// a third predicate?
#include <gtest/gtest.h>

#include <cmath>

#include "tests/simulator/emulator/ptx/evaluate.h"

namespace attnlab::emulator::ptx {
namespace {

// setp's two answers as bits 0 and 1.
template <class T>
unsigned set_predicates(const std::string& comparison, T a, T b) {
  std::uint32_t result = 0;
  run_text("{ .reg .pred p, q; .reg .b32 x, y; setp." + comparison +
               " p|q, %1, %2; selp.b32 x, 1, 0, p; selp.b32 y, 2, 0, q; or.b32 %0, x, y; }",
           out("=r", result), in(constraint_of<T>() + 1, a), in(constraint_of<T>() + 1, b));
  return result;
}
unsigned wanted(bool answer) { return answer ? 1 : 2; }

TEST(Compare, Integers) {
  for (const std::int32_t a : edges<std::int32_t>()) {
    for (const std::int32_t b : edges<std::int32_t>()) {
      const auto ua = static_cast<std::uint32_t>(a), ub = static_cast<std::uint32_t>(b);
      ASSERT_EQ(set_predicates("eq.b32", a, b), wanted(a == b));
      ASSERT_EQ(set_predicates("ne.s32", a, b), wanted(a != b));
      ASSERT_EQ(set_predicates("lt.s32", a, b), wanted(a < b));
      ASSERT_EQ(set_predicates("le.s32", a, b), wanted(a <= b));
      ASSERT_EQ(set_predicates("gt.u32", ua, ub), wanted(ua > ub));
      ASSERT_EQ(set_predicates("ge.u32", ua, ub), wanted(ua >= ub));
      ASSERT_EQ(set_predicates("lo.u32", ua, ub), wanted(ua < ub));
      ASSERT_EQ(set_predicates("ls.u32", ua, ub), wanted(ua <= ub));
      ASSERT_EQ(set_predicates("hi.u32", ua, ub), wanted(ua > ub));
      ASSERT_EQ(set_predicates("hs.u32", ua, ub), wanted(ua >= ub));
    }
  }
  EXPECT_EQ(set_predicates("lt.s16", std::int16_t{-1}, std::int16_t{1}), 1u);
  EXPECT_EQ(set_predicates("lt.u64", ~std::uint64_t{0}, std::uint64_t{1}), 2u);
}

TEST(Compare, Floats) {
  for (const float a : float_edges()) {
    for (const float b : float_edges()) {
      const bool nan = std::isnan(a) || std::isnan(b);
      ASSERT_EQ(set_predicates("eq.f32", a, b), wanted(a == b));
      ASSERT_EQ(set_predicates("ne.f32", a, b), wanted(!nan && a != b));
      ASSERT_EQ(set_predicates("lt.f32", a, b), wanted(a < b));
      ASSERT_EQ(set_predicates("ge.f32", a, b), wanted(a >= b));
      ASSERT_EQ(set_predicates("equ.f32", a, b), wanted(nan || a == b));
      ASSERT_EQ(set_predicates("neu.f32", a, b), wanted(a != b));
      ASSERT_EQ(set_predicates("ltu.f32", a, b), wanted(nan || a < b));
      ASSERT_EQ(set_predicates("leu.f32", a, b), wanted(nan || a <= b));
      ASSERT_EQ(set_predicates("gtu.f32", a, b), wanted(nan || a > b));
      ASSERT_EQ(set_predicates("geu.f32", a, b), wanted(nan || a >= b));
      ASSERT_EQ(set_predicates("num.f32", a, b), wanted(!nan));
      ASSERT_EQ(set_predicates("nan.f32", a, b), wanted(nan));
    }
  }
  EXPECT_EQ(set_predicates("gt.f32", 0x1p-140f, 0.0f), 1u);
  EXPECT_EQ(set_predicates("gt.ftz.f32", 0x1p-140f, 0.0f), 2u);
  EXPECT_EQ(set_predicates("lt.f64", 1.0, 2.0), 1u);
  const auto halves = [](const std::string& comparison, std::uint16_t a, std::uint16_t b) {
    std::uint32_t result = 0;
    run_text("{ .reg .pred p; setp." + comparison + " p, %1, %2; selp.b32 %0, 1, 0, p; }", out("=r", result),
             in("h", a), in("h", b));
    return result == 1;
  };
  EXPECT_TRUE(halves("lt.f16", 0xbc00, 0x3c00));  // -1 < 1
  EXPECT_FALSE(halves("gt.ftz.f16", 0x0001, 0x0000));
  EXPECT_FALSE(halves("gt.bf16", 0x7fff, 0x3f80));  // NaN > 1
  EXPECT_TRUE(halves("gtu.bf16", 0x7fff, 0x3f80));
  // A pair: p of the low halves, q of the high ones.
  EXPECT_EQ(set_predicates("lt.f16x2", 0x3c003c00u, 0x38004000u), 1u);  // 1 < 2, 1 < 0.5
  EXPECT_EQ(set_predicates("gt.bf16x2", 0x3f803f80u, 0x3f004000u), 2u);
}

TEST(Compare, CombinesWithAThird) {
  for (const int a : {0, 1}) {
    for (const int c : {0, 1}) {
      for (const bool negated : {false, true}) {
        const bool t = a == 1, third = (c == 1) != negated;
        const auto ask = [&](const std::string& join) {
          std::uint32_t result = 0;
          run_text("{ .reg .pred p, q, r; .reg .b32 x, y; setp.eq.s32 r, %2, 1; setp.eq." + join +
                       ".s32 p|q, %1, 1, " + (negated ? "!r" : "r") +
                       "; selp.b32 x, 1, 0, p; selp.b32 y, 2, 0, q; or.b32 %0, x, y; }",
                   out("=r", result), in("r", a), in("r", c));
          return result;
        };
        const auto both = [](bool p, bool q) { return (p ? 1u : 0u) | (q ? 2u : 0u); };
        EXPECT_EQ(ask("and"), both(t && third, !t && third));
        EXPECT_EQ(ask("or"), both(t || third, !t || third));
        EXPECT_EQ(ask("xor"), both(t != third, !t != third));
      }
    }
  }
}

TEST(Compare, SetAndSelect) {
  EXPECT_EQ(evaluate<std::uint32_t>("set.lt.u32.f32", 1.0f, 2.0f), 0xffffffffu);
  EXPECT_EQ(evaluate<float>("set.lt.f32.s32", 2, 1), 0.0f);
  EXPECT_EQ(evaluate<float>("set.ge.f32.s32", 2, 1), 1.0f);
  EXPECT_EQ(evaluate<std::uint32_t>("set.lt.f16x2.f16x2", 0x3c003c00u, 0x38004000u), 0x00003c00u);
  EXPECT_EQ(evaluate<std::int32_t>("slct.s32.s32", 10, 20, 0), 10);
  EXPECT_EQ(evaluate<std::int32_t>("slct.s32.s32", 10, 20, -1), 20);
  EXPECT_EQ(evaluate<float>("slct.f32.f32", 10.0f, 20.0f, -0.0f), 10.0f);
  EXPECT_EQ(evaluate<float>("slct.f32.f32", 10.0f, 20.0f, NAN), 20.0f);
}

TEST(Compare, Properties) {
  const auto has = [](const std::string& property, float x) {
    std::uint32_t result = 0;
    run_text("{ .reg .pred p; testp." + property + ".f32 p, %1; selp.u32 %0, 1, 0, p; }", out("=r", result),
             in("f", x));
    return result == 1;
  };
  EXPECT_TRUE(has("finite", 1.0f));
  EXPECT_FALSE(has("finite", INFINITY));
  EXPECT_TRUE(has("infinite", -INFINITY));
  EXPECT_TRUE(has("notanumber", NAN));
  EXPECT_FALSE(has("number", NAN));
  EXPECT_TRUE(has("subnormal", 0x1p-140f));
  EXPECT_FALSE(has("normal", 0x1p-140f));
}

}  // namespace
}  // namespace attnlab::emulator::ptx
