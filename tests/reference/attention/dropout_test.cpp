// Do all algorithms, at all tile sizes and in both passes, drop the same probabilities: those of Head::kept?
//
// With V the identity O is the dropped P itself, and with dO the identity dV is its transpose: what is not 0
// was kept.
#include <gtest/gtest.h>

#include "reference/attention/head.h"
#include "tests/reference/attention/passes.h"

namespace attnlab::testing {
namespace {

using attention::Algorithm;
using attention::Problem;

constexpr attention::Tiles kTiles[] = {{1, 1}, {7, 5}, {5, 16}, {16, 3}, {64, 64}};

Problem problem_with_dropout(double p) {
  Problem problem;
  problem.batch = 2, problem.num_heads = problem.num_kv_heads = 3;
  problem.seqlen_q = 37, problem.seqlen_kv = 45, problem.head_dim = 8, problem.head_dim_v = 45;
  problem.dropout = {p, 0x123456789abcdef0, 17};
  return problem;
}

// Scores of size 1, so that no visible probability vanishes.
PassInputs<double> inputs(const Problem& p, std::uint64_t seed) {
  Random random(seed);
  PassInputs<double> in{
      random_buffer<double>(random, p.batch, p.num_heads, p.seqlen_q, p.head_dim, false),
      random_buffer<double>(random, p.batch, p.num_kv_heads, p.seqlen_kv, p.head_dim, false),
      random_buffer<double>(random, p.batch, p.num_kv_heads, p.seqlen_kv, p.head_dim_v, false),
      random_buffer<double>(random, p.batch, p.num_heads, p.seqlen_q, p.head_dim_v, false)};
  return in;
}

void set_identity(const Buffer<double>& buffer) {
  for (Index b = 0; b < buffer.view.batch; ++b) {
    for (Index h = 0; h < buffer.view.heads; ++h) as_eigen(buffer.view.head(b, h)).setIdentity();
  }
}

bool kept(const attention::Head& head, Index i, Index j) {
  return (head.kept(i, j / 4) >> (j % 4) & 1u) != 0;
}

class DropoutMask : public ::testing::TestWithParam<Algorithm> {};

TEST_P(DropoutMask, IsTheSameInTheForwardPass) {
  for (const bool causal : {false, true}) {
    Problem p = problem_with_dropout(0.3);
    p.causal = causal;
    PassInputs<double> in = inputs(p, 1);
    set_identity(in.v);
    for (const attention::Tiles tiles : kTiles) {
      Passes<double> out(p);
      run_forward(GetParam(), p, in, {tiles, 2, {}}, out);
      for (Index b = 0; b < p.batch; ++b) {
        for (Index h = 0; h < p.num_heads; ++h) {
          const attention::Head head = head_of(p, b, h);
          for (Index i = 0; i < p.seqlen_q; ++i) {
            for (Index j = 0; j < p.seqlen_kv; ++j) {
              const bool expected = head.visible(i, j) && kept(head, i, j);
              ASSERT_EQ(out.o.view.head(b, h)(i, j) != 0, expected)
                  << "tiles " << tiles.br << " x " << tiles.bc << ", head " << b << "," << h << ", " << i
                  << "," << j;
            }
          }
        }
      }
    }
  }
}

TEST_P(DropoutMask, IsTheSameInTheBackwardPass) {
  for (const bool causal : {false, true}) {
    Problem p = problem_with_dropout(0.3);
    p.causal = causal;
    p.head_dim_v = p.seqlen_q;
    PassInputs<double> in = inputs(p, 2);
    set_identity(in.dout);
    for (const attention::Tiles tiles : kTiles) {
      Passes<double> out(p);
      run_passes(GetParam(), p, in, {tiles, 2, {}}, out);
      for (Index b = 0; b < p.batch; ++b) {
        for (Index h = 0; h < p.num_heads; ++h) {
          const attention::Head head = head_of(p, b, h);
          for (Index i = 0; i < p.seqlen_q; ++i) {
            for (Index j = 0; j < p.seqlen_kv; ++j) {
              const bool expected = head.visible(i, j) && kept(head, i, j);
              ASSERT_EQ(out.dv.view.head(b, h)(j, i) != 0, expected)
                  << "tiles " << tiles.br << " x " << tiles.bc << ", head " << b << "," << h << ", " << i
                  << "," << j;
            }
          }
        }
      }
    }
  }
}

// What is kept is divided by 1 - p: O without dropout is the sum of what is kept and what another seed's
// complement would be, so a row compares entry by entry.
TEST_P(DropoutMask, KeptProbabilitiesAreScaled) {
  const Problem p = problem_with_dropout(0.4);
  Problem whole = p;
  whole.dropout = {};
  PassInputs<double> in = inputs(p, 3);
  set_identity(in.v);
  Passes<double> dropped(p), full(p);
  run_forward(GetParam(), p, in, {{16, 16}, 1, {}}, dropped);
  run_forward(GetParam(), whole, in, {{16, 16}, 1, {}}, full);
  for (std::size_t n = 0; n < full.o.data.size(); ++n) {
    if (dropped.o.data[n] == 0) continue;
    ASSERT_NEAR(dropped.o.data[n], full.o.data[n] / 0.6, 1e-15);
  }
  EXPECT_EQ(dropped.lse.data, full.lse.data);  // dropout comes after the softmax
}

INSTANTIATE_TEST_SUITE_P(Attention, DropoutMask, ::testing::ValuesIn(every_algorithm()), AlgorithmName());

TEST(DropoutMask, KeepsOneMinusPOfTheEntries) {
  for (const double p : {0.0, 0.1, 0.5, 0.9}) {
    const attention::Head head = head_of(problem_with_dropout(p), 1, 2);
    constexpr Index kRows = 400, kQuads = 250;
    double count = 0;
    for (Index i = 0; i < kRows; ++i) {
      for (Index quad = 0; quad < kQuads; ++quad) {
        for (unsigned bits = head.kept(i, quad); bits != 0; bits >>= 1) count += bits & 1u;
      }
    }
    const double n = 4.0 * kRows * kQuads;
    EXPECT_LE(std::abs(count - n * (1 - p)), 5 * std::sqrt(n * p * (1 - p))) << p;  // five deviations
  }
}

TEST(DropoutMask, DiffersBySeedOffsetHeadAndRow) {
  const Problem p = problem_with_dropout(0.5);
  const auto bits = [](const attention::Head& head, Index row) {
    std::vector<unsigned> all;
    for (Index quad = 0; quad < 64; ++quad) all.push_back(head.kept(row, quad));
    return all;
  };
  const auto reference = bits(head_of(p, 0, 1), 3);
  Problem other = p;
  other.dropout.seed += std::uint64_t{1} << 32;
  EXPECT_NE(bits(head_of(other, 0, 1), 3), reference);
  other = p, other.dropout.offset += 1;
  EXPECT_NE(bits(head_of(other, 0, 1), 3), reference);
  EXPECT_NE(bits(head_of(p, 0, 2), 3), reference);
  EXPECT_NE(bits(head_of(p, 1, 1), 3), reference);
  EXPECT_NE(bits(head_of(p, 0, 1), 4), reference);
  EXPECT_EQ(bits(head_of(p, 0, 1), 3), reference);
}

}  // namespace
}  // namespace attnlab::testing
