// Is the rotary embedding a rotation by position, in both pairings?
#include "reference/heads/rope.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/reference/attention/random_problem.h"

namespace attnlab::testing {
namespace {

using heads::Pairing;
using heads::Rope;

std::vector<double> rotated(const Rope& rope, std::vector<double> row, Index position) {
  const auto dim = static_cast<Index>(row.size());
  heads::apply_rope(rope, MatrixView<double>{row.data(), 1, dim, dim}, position);
  return row;
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t n = 0; n < a.size(); ++n) sum += a[n] * b[n];
  return sum;
}

std::vector<double> random_row(Random& random, Index dim) {
  std::vector<double> row(static_cast<std::size_t>(dim));
  for (double& x : row) x = random.normal();
  return row;
}

class RopeOf : public ::testing::TestWithParam<Pairing> {};

TEST_P(RopeOf, ProductsDependOnTheDistanceAlone) {
  const Rope rope{10000, GetParam()};
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Random random(seed);
    const Index dim = 2 * random.integer(1, 20);
    const auto q = random_row(random, dim), k = random_row(random, dim);
    const Index i = random.integer(0, 50), j = random.integer(0, 50), shift = random.integer(1, 1000);
    const double here = dot(rotated(rope, q, i), rotated(rope, k, j));
    const double there = dot(rotated(rope, q, i + shift), rotated(rope, k, j + shift));
    EXPECT_LE(std::abs(here - there), 1e-11);  // angles up to 1000 rounded to 1e-13
    EXPECT_EQ(rotated(rope, q, 0), q);
    EXPECT_LE(std::abs(dot(rotated(rope, q, i), rotated(rope, q, i)) - dot(q, q)), 1e-12);
  }
}

INSTANTIATE_TEST_SUITE_P(Heads, RopeOf, ::testing::Values(Pairing::interleaved, Pairing::half_split));

TEST(RopeTest, RotatesTheRightPairsByTheRightAngles) {
  // dim 4, base 100: pair 0 turns by t, pair 1 by t / 10.
  const double c0 = std::cos(3.0), s0 = std::sin(3.0), c1 = std::cos(0.3), s1 = std::sin(0.3);
  const auto near = [](std::vector<double> values) {
    return ::testing::Pointwise(::testing::DoubleNear(1e-14), values);
  };
  EXPECT_THAT(rotated({100, Pairing::interleaved}, {1, 0, 0, 1}, 3), near({c0, s0, -s1, c1}));
  EXPECT_THAT(rotated({100, Pairing::half_split}, {1, 0, 0, 1}, 3), near({c0, -s1, s0, c1}));
}

TEST(RopeTest, PairingsArePermutationsOfOneAnother) {
  Random random(1);
  const auto row = random_row(random, 10);
  std::vector<double> halves(10);
  for (std::size_t p = 0; p < 5; ++p) halves[p] = row[2 * p], halves[p + 5] = row[2 * p + 1];
  const auto a = rotated({10000, Pairing::interleaved}, row, 7);
  const auto b = rotated({10000, Pairing::half_split}, halves, 7);
  for (std::size_t p = 0; p < 5; ++p) {
    EXPECT_EQ(a[2 * p], b[p]);
    EXPECT_EQ(a[2 * p + 1], b[p + 5]);
  }
}

TEST(RopeTest, RowsFollowOneAnother) {
  const Rope rope;
  std::vector<double> rows{1, 2, 3, 4, 5, 6, 7, 8};
  heads::apply_rope(rope, MatrixView<double>{rows.data(), 2, 4, 4}, 11);
  const auto first = rotated(rope, {1, 2, 3, 4}, 11), second = rotated(rope, {5, 6, 7, 8}, 12);
  EXPECT_EQ(std::vector<double>(rows.begin(), rows.begin() + 4), first);
  EXPECT_EQ(std::vector<double>(rows.begin() + 4, rows.end()), second);
}

TEST(RopeTest, RefusesAnOddDimension) {
  EXPECT_THAT(
      [] {
        rotated({}, {1, 2, 3}, 0);
      },
      ::testing::ThrowsMessage<InvalidArgument>(
          ::testing::HasSubstr("rope_dim: got 3, expected an even number")));
}

}  // namespace
}  // namespace attnlab::testing
