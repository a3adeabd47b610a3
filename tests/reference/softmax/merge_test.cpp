// Is the merge of softmax states an associative and commutative operation with a neutral element, so that any
// split of the keys, merged in any order, gives the softmax of them all?
#include "reference/softmax/merge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "tests/reference/attention/random_problem.h"

namespace attnlab::testing {
namespace {

using softmax::merge;
using softmax::State;

struct Keys {
  std::vector<double> s;
  Eigen::ArrayXXd v;  // [keys, dim]
};

Keys random_keys(Random& random) {
  Keys keys;
  const Index count = random.integer(0, 40), dim = random.integer(1, 6);
  const double size = random.chance(0.5) ? 1 : 300;  // 300: weights that underflow
  keys.v.resize(count, dim);
  for (Index j = 0; j < count; ++j) {
    keys.s.push_back(random.chance(0.15) ? -INFINITY : size * random.normal());
    for (Index c = 0; c < dim; ++c) keys.v(j, c) = random.normal();
  }
  return keys;
}

// The state of some of the keys, by definition.
State<double> state_of(const Keys& keys, const std::vector<Index>& subset) {
  State<double> state;
  state.o.setZero(keys.v.cols());
  for (Index j : subset) state.m = std::max(state.m, keys.s[static_cast<std::size_t>(j)]);
  for (Index j : subset) {
    const double s = keys.s[static_cast<std::size_t>(j)];
    const double weight = s == -INFINITY ? 0 : std::exp(s - state.m);
    state.l += weight;
    state.o += weight * keys.v.row(j);
  }
  return state;
}

// A random partition of the keys in any order: single keys, empty sets, and all between.
std::vector<State<double>> random_split(Random& random, const Keys& keys) {
  const Index count = static_cast<Index>(keys.s.size());
  std::vector<std::vector<Index>> subsets(static_cast<std::size_t>(random.integer(1, 12)));
  for (Index j = 0; j < count; ++j) {
    subsets[static_cast<std::size_t>(random.integer(0, static_cast<Index>(subsets.size()) - 1))].push_back(j);
  }
  std::vector<State<double>> states;
  for (const auto& subset : subsets) states.push_back(state_of(keys, subset));
  return states;
}

// Merges two random members until one is left: a random binary tree over a random order.
State<double> merge_all(Random& random, std::vector<State<double>> states) {
  while (states.size() > 1) {
    const auto take = [&] {
      const auto at = random.integer(0, static_cast<Index>(states.size()) - 1);
      State<double> state = states[static_cast<std::size_t>(at)];
      states.erase(states.begin() + at);
      return state;
    };
    const State<double> a = take(), b = take();
    states.push_back(merge(a, b));
  }
  return states[0];
}

// Each weight and each merge rounds a few times; o is a sum of numbers of size 1 with weights that sum to l.
void expect_near(const State<double>& a, const State<double>& b) {
  EXPECT_EQ(a.m, b.m);
  EXPECT_LE(std::abs(a.l - b.l), 1e-14 * b.l);
  ASSERT_EQ(a.o.size(), b.o.size());
  for (Index c = 0; c < a.o.size(); ++c) EXPECT_LE(std::abs(a.o(c) - b.o(c)), 5e-14 * b.l);
}

void expect_identical(const State<double>& a, const State<double>& b) {
  EXPECT_EQ(a.m, b.m);
  EXPECT_EQ(a.l, b.l);
  ASSERT_EQ(a.o.size(), b.o.size());
  EXPECT_TRUE((a.o == b.o).all());
}

std::vector<Index> all_of(const Keys& keys) {
  std::vector<Index> all(keys.s.size());
  std::iota(all.begin(), all.end(), 0);
  return all;
}

TEST(Merge, RandomTreesOverRandomSplitsGiveTheWhole) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    Random random(seed);
    const Keys keys = random_keys(random);
    SCOPED_TRACE("seed " + std::to_string(seed));
    expect_near(merge_all(random, random_split(random, keys)), state_of(keys, all_of(keys)));
    if (HasFailure()) return;
  }
}

TEST(Merge, IsAssociativeAndCommutative) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    Random random(seed);
    const Keys keys = random_keys(random);
    const State<double> a = merge_all(random, random_split(random, keys));
    const auto states = random_split(random, keys);
    const auto pick = [&] {
      return states[static_cast<std::size_t>(random.integer(0, static_cast<Index>(states.size()) - 1))];
    };
    const State<double> b = pick(), c = pick();
    SCOPED_TRACE("seed " + std::to_string(seed));
    expect_near(merge(merge(a, b), c), merge(a, merge(b, c)));
    expect_near(merge(a, b), merge(b, a));
    if (HasFailure()) return;
  }
}

TEST(Merge, TheNeutralElementIsExact) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed);
    const Keys keys = random_keys(random);
    const State<double> a = merge_all(random, random_split(random, keys));
    const State<double> none = state_of(keys, {});
    for (const State<double>& neutral : {State<double>{}, none}) {
      expect_identical(merge(a, neutral), a);
      expect_identical(merge(neutral, a), a);
    }
  }
  const State<double> nothing = merge(State<double>{}, State<double>{});
  EXPECT_EQ(nothing.m, -INFINITY);
  EXPECT_EQ(nothing.l, 0);
  EXPECT_EQ(nothing.o.size(), 0);
}

TEST(Merge, KeepsNaN) {
  State<double> good{2, 3, Eigen::Array<double, 1, 1>(4.0)};
  State<double> empty;
  for (const State<double>& bad :
       {State<double>{NAN, 1, Eigen::Array<double, 1, 1>(1.0)}, State<double>{NAN, NAN, good.o}}) {
    for (const State<double>& other : {good, empty, bad}) {
      for (const State<double>& merged : {merge(bad, other), merge(other, bad)}) {
        EXPECT_TRUE(std::isnan(merged.m));
        EXPECT_TRUE(std::isnan(merged.l));
        EXPECT_TRUE(std::isnan(merged.o(0)));
      }
    }
  }
}

// The normalised form, (O, lse) of disjoint sets.
TEST(MergeNormalised, RandomSplitsGiveTheWhole) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    Random random(seed);
    const Keys keys = random_keys(random);
    const Index dim = keys.v.cols();
    const auto normalised = [](State<double> s) {
      if (s.l != 0) s.o /= s.l;
      return std::pair(s.o, softmax::lse(s.m, s.l));
    };
    Eigen::Array<double, 1, Eigen::Dynamic> o = Eigen::Array<double, 1, Eigen::Dynamic>::Zero(dim);
    double lse = -INFINITY;
    for (const auto& state : random_split(random, keys)) {
      const auto [o_b, lse_b] = normalised(state);
      softmax::merge_normalised(o.data(), lse, o_b.data(), lse_b, dim);
    }
    const auto [expected, expected_lse] = normalised(state_of(keys, all_of(keys)));
    SCOPED_TRACE("seed " + std::to_string(seed));
    if (expected_lse == -INFINITY) {
      EXPECT_EQ(lse, expected_lse);
    } else {
      // o carries the relative error of exp(lse), an absolute one of lse: up to 1000, so 1e-13 each time.
      EXPECT_LE(std::abs(lse - expected_lse), 1e-14 * (1 + std::abs(expected_lse)));
    }
    for (Index c = 0; c < dim; ++c) EXPECT_LE(std::abs(o(c) - expected(c)), 5e-12);
    if (HasFailure()) return;
  }
}

TEST(MergeNormalised, AnEmptySideChangesNothingAndNaNStays) {
  double o[] = {0.1, -0.7}, lse = 3.3;
  const double zeros[] = {0, 0}, other[] = {1, 1};
  softmax::merge_normalised(o, lse, zeros, -INFINITY, 2);
  EXPECT_EQ(o[0], 0.1);
  EXPECT_EQ(o[1], -0.7);
  EXPECT_EQ(lse, 3.3);
  double empty[] = {0, 0}, empty_lse = -INFINITY;
  softmax::merge_normalised(empty, empty_lse, o, lse, 2);
  EXPECT_EQ(empty[0], 0.1);
  EXPECT_EQ(empty_lse, 3.3);
  softmax::merge_normalised(o, lse, other, NAN, 2);
  EXPECT_TRUE(std::isnan(lse));
  EXPECT_TRUE(std::isnan(o[0]) && std::isnan(o[1]));
}

}  // namespace
}  // namespace attnlab::testing
