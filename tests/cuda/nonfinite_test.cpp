// Do NaN and infinities go where docs/semantics.md sends them, in every forward kernel: nowhere from a hidden
// key, and to every row that sees a visible one?
#include <gtest/gtest.h>

#include <cmath>

#include "tests/cuda/backends.h"
#include "tests/cuda/findings.h"
#include "tests/cuda/forward_cases.h"

namespace attnlab::testing {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

struct Result {
  Buffer<float> o, lse;
};

class NonFinite : public ::testing::TestWithParam<Runner> {
 protected:
  void TearDown() override { expect_no_findings(GetParam().backend); }
  // One head; spoil changes the inputs.
  template <class Spoil>
  Result run(const attention::Problem& p, Spoil spoil) {
    Case c;
    fill_case({"", DType::f32, p}, c);
    auto in = convert<float>(c);
    spoil(in);
    Result result{make_buffer<float>(p.batch, 1, p.seqlen_q, p.head_dim),
                  make_buffer<float>(p.batch, 1, p.seqlen_q, 1)};
    cuda::forward(GetParam().backend, GetParam().kernel->name, p, DType::f32,
                  {in.q.in(), in.k.in(), in.v.in(), result.o.view, result.lse.view});
    return result;
  }
  static attention::Problem problem(Index seqlen_q, Index seqlen_kv) {
    return forward_case("", seqlen_q, seqlen_kv, 64).p;
  }
};

TEST_P(NonFinite, HiddenNaNContributesNothing) {
  attention::Problem p = problem(70, 90);
  p.causal = true;
  p.window.left = 30;
  p.kv_lens = {85};
  const Result clean = run(p, [](auto&) {});
  for (const float spoilt : {kNaN, kInf, -kInf}) {
    // Row 20 sees the keys [5, 35]: spoil all others, for it alone to be judged.
    const Result result = run(p, [&](auto& in) {
      for (Index j = 0; j < 90; ++j) {
        if (j >= 5 && j <= 35) continue;
        for (Index t = 0; t < 64; ++t) in.k.view.head(0, 0)(j, t) = in.v.view.head(0, 0)(j, t) = spoilt;
      }
    });
    const Index row = 20;
    for (Index t = 0; t < 64; ++t)
      EXPECT_EQ(result.o.view.head(0, 0)(row, t), clean.o.view.head(0, 0)(row, t));
    EXPECT_EQ(result.lse.view.head(0, 0)(row, 0), clean.lse.view.head(0, 0)(row, 0));
  }
}

TEST_P(NonFinite, PaddingIsNeverRead) {
  attention::Problem p = problem(70, 90);
  p.q_lens = {33}, p.kv_lens = {50};
  const Result result = run(p, [](auto& in) {
    for (Index t = 0; t < 64; ++t) {
      for (Index i = 33; i < 70; ++i) in.q.view.head(0, 0)(i, t) = kNaN;
      for (Index j = 50; j < 90; ++j) in.k.view.head(0, 0)(j, t) = in.v.view.head(0, 0)(j, t) = kNaN;
    }
  });
  for (Index i = 0; i < 70; ++i) {
    const bool padding = i >= 33;
    EXPECT_EQ(result.lse.view.head(0, 0)(i, 0) == -kInf, padding);
    for (Index t = 0; t < 64; ++t) {
      EXPECT_TRUE(std::isfinite(result.o.view.head(0, 0)(i, t)));
      EXPECT_EQ(result.o.view.head(0, 0)(i, t) == 0, padding);
    }
  }
}

TEST_P(NonFinite, VisibleNaNReachesWhoSeesIt) {
  attention::Problem p = problem(70, 70);
  p.causal = true;
  for (const bool in_key : {true, false}) {
    const Result result = run(p, [&](auto& in) { (in_key ? in.k : in.v).view.head(0, 0)(40, 7) = kNaN; });
    for (Index i = 0; i < 70; ++i) {
      const bool sees = i >= 40;
      EXPECT_EQ(std::isnan(result.lse.view.head(0, 0)(i, 0)), sees && in_key) << i;
      for (Index t = 0; t < 64; ++t) {
        EXPECT_EQ(std::isnan(result.o.view.head(0, 0)(i, t)), sees && (in_key || t == 7)) << i << " " << t;
      }
    }
  }
}

// All keys NaN: no maximum, and still no empty row.
TEST_P(NonFinite, NaNInAQueryStaysInItsRow) {
  const Result result = run(problem(70, 70), [](auto& in) { in.q.view.head(0, 0)(11, 3) = kNaN; });
  for (Index i = 0; i < 70; ++i) {
    EXPECT_EQ(std::isnan(result.lse.view.head(0, 0)(i, 0)), i == 11);
    for (Index t = 0; t < 64; ++t) EXPECT_EQ(std::isnan(result.o.view.head(0, 0)(i, t)), i == 11);
  }
}

TEST_P(NonFinite, InfiniteLogits) {
  // Keys of one infinite number: logits of +inf or -inf by the sign of the query's.
  const Result result = run(problem(2, 40), [](auto& in) {
    in.q.view.head(0, 0)(0, 0) = 1, in.q.view.head(0, 0)(1, 0) = -1;
    in.k.view.head(0, 0)(20, 0) = kInf;
  });
  EXPECT_TRUE(std::isnan(result.lse.view.head(0, 0)(0, 0)));
  EXPECT_TRUE(std::isnan(result.o.view.head(0, 0)(0, 0)));
  EXPECT_TRUE(std::isfinite(result.lse.view.head(0, 0)(1, 0)));
  EXPECT_TRUE(std::isfinite(result.o.view.head(0, 0)(1, 0)));
}

TEST_P(NonFinite, RowOfMinusInfinityIsEmpty) {
  const Result result = run(problem(33, 40), [](auto& in) {
    for (Index i = 0; i < 33; ++i) in.q.view.head(0, 0)(i, 0) = -1;
    for (Index j = 0; j < 40; ++j) in.k.view.head(0, 0)(j, 0) = kInf;
  });
  for (Index i = 0; i < 33; ++i) {
    EXPECT_EQ(result.lse.view.head(0, 0)(i, 0), -kInf);
    for (Index t = 0; t < 64; ++t) EXPECT_EQ(result.o.view.head(0, 0)(i, t), 0);
  }
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(NonFinite);
INSTANTIATE_TEST_SUITE_P(Cuda, NonFinite, ::testing::ValuesIn(runners(cuda::Pass::forward)),
                         [](const auto& runner) { return name_of(runner.param); });

}  // namespace
}  // namespace attnlab::testing
