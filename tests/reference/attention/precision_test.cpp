// Does every algorithm in float stay within the rounding errors that its lengths and dimensions explain?
//
// The bounds and their derivation: rounding_bounds.h.
#include <gtest/gtest.h>

#include "tests/reference/attention/rounding_bounds.h"

namespace attnlab::testing {
namespace {

using attention::Algorithm;
using attention::Problem;

class FloatPrecision : public ::testing::TestWithParam<Algorithm> {};

TEST_P(FloatPrecision, IsExplainedByTheLengthsAndDimensions) {
  double largest[5] = {};
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Case c;
    make_case(c, seed, seed % 5 == 0 ? 200 : 60);
    SCOPED_TRACE("seed " + std::to_string(seed) + c.description);
    // The problem's real numbers, exactly representable in both types.
    for (double& slope : c.p.alibi_slopes) slope = static_cast<float>(slope);
    for (double& sink : c.p.sinks) sink = static_cast<float>(sink);
    c.p.softcap = static_cast<float>(c.p.softcap);
    Random random(seed + 8000);
    attention::Options options;
    options.threads = 1;
    options.tiles = {random.integer(1, 40), random.integer(1, 40)};
    const Bounds bounds(c, options.tiles.bc);
    Passes<double> exact(c.p);
    Passes<float> got(c.p);
    run_passes(Algorithm::standard, c.p, convert<double>(c), options, exact);
    run_passes(GetParam(), c.p, convert<float>(c), options, got);
    const double fractions[] = {
        worst_fraction(got.o, exact.o, bounds.o), worst_fraction(got.lse, exact.lse, bounds.lse),
        worst_fraction(got.dq, exact.dq, bounds.dq), worst_fraction(got.dk, exact.dk, bounds.dk),
        worst_fraction(got.dv, exact.dv, bounds.dv)};
    for (int output = 0; output < 5; ++output) {
      EXPECT_LE(fractions[output], 1) << "o, lse, dQ, dK, dV: " << output;
      largest[output] = std::max(largest[output], fractions[output]);
    }
    if (HasFailure()) return;
  }
  // The bounds are worth something: roundings that all add up in them, and mostly cancel in fact, are all
  // that separates them from the errors.
  for (const double fraction : largest) EXPECT_GE(fraction, 0.002);
}

INSTANTIATE_TEST_SUITE_P(Attention, FloatPrecision, ::testing::ValuesIn(every_algorithm()), AlgorithmName());

}  // namespace
}  // namespace attnlab::testing
