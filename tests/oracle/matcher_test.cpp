// Does EXPECT_THAT(outputs, MatchesAttention(problem, inputs)) pass what is right, and fail what is wrong
// with the verdict as its message?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "oracle/golden.h"
#include "oracle/gtest.h"
#include "reference/core/philox.h"

namespace attnlab::oracle {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr Index kHeads = 2, kRows = 65, kDim = 32;

std::vector<float> random_values(std::size_t count, std::uint64_t seed) {
  std::vector<float> values(count);
  for (std::size_t n = 0; n < count; ++n) {
    values[n] = static_cast<float>(philox(seed, n)[0] / 1073741824.0 - 2);
  }
  return values;
}

// A causal problem in fp32, and an honest kernel's output: golden values rounded once.
class Matcher : public testing::Test {
 protected:
  Matcher() {
    problem.num_heads = problem.num_kv_heads = kHeads;
    problem.seqlen_q = problem.seqlen_kv = kRows;
    problem.head_dim = problem.head_dim_v = kDim;
    problem.causal = true;
    inputs = {tensor(q), tensor(k), tensor(v), {}};
    const Golden right = golden(problem, inputs);
    o.assign(right.o.values.begin(), right.o.values.end());
    lse.assign(right.lse.values.begin(), right.lse.values.end());
    outputs.o = tensor(o);
    outputs.lse = bhsd(lse.data(), DType::f32, 1, kHeads, kRows, 1);
  }

  static Tensor tensor(const std::vector<float>& values) {
    return bhsd(values.data(), DType::f32, 1, kHeads, kRows, kDim);
  }
  float& o_at(Index head, Index row, Index col) {
    return o[static_cast<std::size_t>((head * kRows + row) * kDim + col)];
  }

  static constexpr std::size_t kCount = static_cast<std::size_t>(kHeads * kRows * kDim);
  attention::Problem problem;
  std::vector<float> q = random_values(kCount, 1), k = random_values(kCount, 2), v = random_values(kCount, 3);
  std::vector<float> o, lse;
  Inputs inputs;
  Outputs outputs;
};

// What GoogleTest would print beside the value.
template <class T>
std::string explanation(const T& value, const AttentionMatcher& matcher) {
  testing::StringMatchResultListener listener;
  EXPECT_FALSE(testing::ExplainMatchResult(matcher, value, &listener));
  return listener.str();
}

TEST_F(Matcher, PassesWhatIsRight) {
  EXPECT_THAT(outputs, MatchesAttention(problem, inputs));
  EXPECT_THAT(outputs.o, MatchesAttention(problem, inputs, usual_class(DType::f32)));
}

TEST_F(Matcher, FailsOneWrongNumberAndSaysWhere) {
  o_at(1, 40, 7) += 1e-3f;
  const std::string text = explanation(outputs, MatchesAttention(problem, inputs));
  EXPECT_THAT(text, AllOf(HasSubstr("WRONG"), HasSubstr("o[0, 1, 40, 7]"), HasSubstr("1 of 4160")));
  EXPECT_THAT(outputs, Not(MatchesAttention(problem, inputs)));
}

TEST_F(Matcher, FailsNaN) {
  o_at(0, 0, 0) = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(explanation(outputs.o, MatchesAttention(problem, inputs)), HasSubstr("NaN"));
}

// 1e-4 is well within what P in bf16 may do, and beyond fp32.
TEST_F(Matcher, TheKernelClassDecides) {
  o_at(1, 40, 7) += 1e-4f;
  KernelClass bf16 = usual_class(DType::f32);
  bf16.p = float_format(DType::bf16);
  EXPECT_THAT(outputs, Not(MatchesAttention(problem, inputs)));
  EXPECT_THAT(outputs, MatchesAttention(problem, inputs, bf16));
}

TEST_F(Matcher, TensorsThatDoNotFitAreAFailureThatNamesThem) {
  outputs.o = bhsd(o.data(), DType::f32, 1, kHeads, kRows - 1, kDim);
  EXPECT_THAT(explanation(outputs, MatchesAttention(problem, inputs)), HasSubstr("o: got [1, 2, 64, 32]"));
}

TEST_F(Matcher, ValueAndExpectationArePrintedInWords) {
  EXPECT_EQ(testing::PrintToString(outputs), "o fp32 [1, 2, 65, 32], lse fp32 [1, 2, 65, 1]");
  EXPECT_EQ(testing::PrintToString(outputs.dq), "no tensor");
  EXPECT_EQ(testing::DescribeMatcher<Outputs>(MatchesAttention(problem, inputs)),
            "is attention of its inputs within the error budget of: fp32 throughout");
}

}  // namespace
}  // namespace attnlab::oracle
