// Does every backward kernel, on every backend, give the reference's gradients, to within the rounding that
// lengths and types explain; the same bits where it promises them; and keep to what docs/semantics.md says
// about NaN?
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "reference/core/errors.h"
#include "tests/cuda/backends.h"
#include "tests/cuda/findings.h"
#include "tests/cuda/judged.h"

namespace attnlab::testing {
namespace {

struct BackwardRun {
  Runner runner;
  BackwardCase problem;
};
void PrintTo(const BackwardRun& run, std::ostream* os) {
  *os << name_of(run.runner) << " " << run.problem.name;
}

std::vector<BackwardRun> all_runs() {
  std::vector<BackwardRun> all;
  for (const Runner& runner : runners(cuda::Pass::backward)) {
    for (const BackwardCase& problem : backward_cases(*runner.kernel)) all.push_back({runner, problem});
  }
  return all;
}

class BackwardKernel : public ::testing::TestWithParam<BackwardRun> {};

TEST_P(BackwardKernel, AgreesWithTheReference) {
  const auto& [runner, problem] = GetParam();
  BackwardInputs in;
  fill_inputs(problem, in);
  const auto got = kernel_gradients(runner.backend, *runner.kernel, problem, in);
  const GradientFractions worst = gradient_fractions(problem, in, got);
  const oracle::Verdict verdict = judged(problem, in, got);
  EXPECT_TRUE(verdict.right) << to_text(verdict);
  EXPECT_LE(worst.dq, 1) << "dQ's largest error, as a fraction of its bound";
  EXPECT_LE(worst.dk, 1) << "dK's";
  EXPECT_LE(worst.dv, 1) << "dV's";
  expect_no_findings(runner.backend);
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(BackwardKernel);
INSTANTIATE_TEST_SUITE_P(Cuda, BackwardKernel, ::testing::ValuesIn(all_runs()), [](const auto& run) {
  return name_of(run.param.runner) + "_" + run.param.problem.name;
});

class Backward : public ::testing::TestWithParam<Runner> {
 protected:
  GradientBuffers<float> run(const BackwardCase& spec, const BackwardInputs& in) const {
    return kernel_gradients(GetParam().backend, *GetParam().kernel, spec, in);
  }
};

// Roundings that all add up in the bounds, and partly cancel in fact, are all that separates the two: little
// where there are few.
TEST_P(Backward, BoundsSaySomething) {
  const auto worst = run_backward_case(GetParam().backend, *GetParam().kernel, forward_case("", 4, 4, 32));
  EXPECT_GE(worst.dq, 0.002);
  EXPECT_GE(worst.dk, 0.002);
  EXPECT_GE(worst.dv, 0.002);
}

std::vector<std::uint32_t> bits(const Buffer<float>& x) {
  std::vector<std::uint32_t> all(x.data.size());
  std::memcpy(all.data(), x.data.data(), all.size() * sizeof(float));
  return all;
}

// dK and dV of every kernel, and dQ of those that do not sum it by atomics, whatever order warps and blocks
// run in.
TEST_P(Backward, SameBitsRunAfterRun) {
  const auto spec = forward_case("", 100, 120, 64, [](BackwardCase& c) {
    c.p.num_heads = 4, c.p.num_kv_heads = 2, c.p.causal = true, c.p.dropout = {0.25, 9, 1};
  });
  BackwardInputs in;
  fill_inputs(spec, in);
  const auto first = run(spec, in);
  for (unsigned again = 1; again <= 3; ++again) {
    set_order(GetParam().backend, 10 * again, again);
    const auto next = run(spec, in);
    set_order(GetParam().backend, 0, 0);
    EXPECT_EQ(bits(first.dk), bits(next.dk));
    EXPECT_EQ(bits(first.dv), bits(next.dv));
    if (std::string_view(GetParam().kernel->name) != "flash2-backward-02") {
      EXPECT_EQ(bits(first.dq), bits(next.dq));
    }
  }
  expect_no_findings(GetParam().backend);
}

void spoil(Buffer<double>& tensor, Index begin, Index end) {
  const auto head = tensor.view.head(0, 0);
  for (Index r = begin; r < end; ++r) {
    for (Index t = 0; t < head.cols; ++t) head(r, t) = std::numeric_limits<double>::quiet_NaN();
  }
}

TEST_P(Backward, EmptyRowsAndHiddenKeysContributeNothingEvenAsNaN) {
  const auto rows = forward_case("", 50, 40, 32, [](BackwardCase& c) { c.p.causal = true; });
  BackwardInputs in;
  fill_inputs(rows, in);
  auto clean = run(rows, in);
  spoil(in.c.q, 0, 10), spoil(in.c.dout, 0, 10);
  auto spoilt = run(rows, in);
  EXPECT_EQ(bits(clean.dk), bits(spoilt.dk));
  EXPECT_EQ(bits(clean.dv), bits(spoilt.dv));
  EXPECT_EQ(clean.dq.data,
            spoilt.dq.data);  // two tiles per row: sums of atomics do not depend on their order

  const auto keys =
      forward_case("", 10, 40, 32, [](BackwardCase& c) { c.p.causal = true, c.p.window.left = 3; });
  fill_inputs(keys, in);
  clean = run(keys, in);
  spoil(in.c.k, 0, 27), spoil(in.c.v, 0, 27);
  spoilt = run(keys, in);
  EXPECT_EQ(bits(clean.dk), bits(spoilt.dk));
  EXPECT_EQ(bits(clean.dv), bits(spoilt.dv));
  EXPECT_EQ(clean.dq.data, spoilt.dq.data);
}

TEST_P(Backward, PaddingIsNeverRead) {
  const auto spec =
      forward_case("", 50, 60, 32, [](BackwardCase& c) { c.p.q_lens = {33}, c.p.kv_lens = {35}; });
  BackwardInputs in;
  fill_inputs(spec, in);
  for (Buffer<double>* tensor : {&in.c.q, &in.c.dout, &in.o, &in.lse}) spoil(*tensor, 33, 50);
  for (Buffer<double>* tensor : {&in.c.k, &in.c.v}) spoil(*tensor, 35, 60);
  const auto got = run(spec, in);
  for (const Buffer<float>* gradient : {&got.dq, &got.dk, &got.dv}) {
    for (const float x : gradient->data) ASSERT_TRUE(std::isfinite(x));
    for (const float x : {gradient->view.head(0, 0)(49, 0), gradient->view.head(0, 0)(40, 31)})
      EXPECT_EQ(x, 0);
  }
}

// NaN where the reference has it, and nowhere else.
void expect_same_nan(const GradientBuffers<float>& got, const GradientBuffers<double>& exact) {
  const auto same = [](const Buffer<float>& x, const Buffer<double>& y) {
    for (std::size_t n = 0; n < x.data.size(); ++n) {
      if (std::isnan(x.data[n]) != std::isnan(y.data[n])) return false;
    }
    return true;
  };
  EXPECT_TRUE(same(got.dq, exact.dq));
  EXPECT_TRUE(same(got.dk, exact.dk));
  EXPECT_TRUE(same(got.dv, exact.dv));
}

TEST_P(Backward, VisibleNaNReachesWhoSeesIt) {
  const auto spec = forward_case("", 40, 40, 32, [](BackwardCase& c) { c.p.causal = true; });
  for (const bool in_key : {true, false}) {
    BackwardInputs in;
    fill_inputs(spec, in);
    spoil(in_key ? in.c.k : in.c.v, 20, 21);
    forward_results(spec, in);
    const auto got = run(spec, in);
    EXPECT_FALSE(std::isnan(got.dq.view.head(0, 0)(19, 0)));
    EXPECT_TRUE(std::isnan(got.dq.view.head(0, 0)(20, 0)));
    expect_same_nan(got, exact_gradients(in));
  }
}

// Logits of -inf: no weight, and dK = dV = 0; the infinite keys themselves give 0 * inf in dQ.
TEST_P(Backward, RowsOfMinusInfinityWeighNothing) {
  const auto spec = forward_case("", 33, 40, 32);
  BackwardInputs in;
  fill_inputs(spec, in);
  for (Index i = 0; i < 33; ++i) in.c.q.view.head(0, 0)(i, 0) = -1;
  for (Index j = 0; j < 40; ++j) in.c.k.view.head(0, 0)(j, 0) = std::numeric_limits<double>::infinity();
  forward_results(spec, in);
  const auto got = run(spec, in);
  for (const float x : got.dv.data) ASSERT_EQ(x, 0);
  EXPECT_TRUE(std::isnan(got.dq.view.head(0, 0)(32, 0)));
  EXPECT_EQ(got.dq.view.head(0, 0)(32, 1), 0);
  expect_same_nan(got, exact_gradients(in));
}

TEST_P(Backward, HostCallGivesTheSameAndRefusesWhatDoesNotFit) {
  const auto spec = forward_case("", 20, 33, 64, [](BackwardCase& c) { c.type = DType::f16; });
  BackwardInputs given;
  fill_inputs(spec, given);
  const auto expected = run(spec, given);
  GradientBuffers<float> got(spec.p);
  const auto in = convert<float>(given.c);
  const auto o = convert<float>(given.o), lse = convert<float>(given.lse);
  const cuda::BackwardTensors tensors{in.q.in(),    in.k.in(),   in.v.in(),   o.in(),     lse.in(),
                                      in.dout.in(), got.dq.view, got.dk.view, got.dv.view};
  const cuda::Backend backend = GetParam().backend;
  cuda::backward(backend, GetParam().kernel->name, spec.p, spec.type, tensors);
  EXPECT_EQ(got.dk.data, expected.dk.data);
  EXPECT_EQ(got.dv.data, expected.dv.data);
  EXPECT_EQ(got.dq.data, expected.dq.data);
  EXPECT_THROW(cuda::backward(backend, "flash2-04", spec.p, spec.type, tensors), InvalidArgument);
  cuda::BackwardTensors wrong = tensors;
  wrong.dk.seqlen -= 1;
  EXPECT_THROW(cuda::backward(backend, "", spec.p, spec.type, wrong), InvalidArgument);
  wrong = tensors;
  wrong.lse.data = nullptr;
  EXPECT_THROW(cuda::backward(backend, "", spec.p, spec.type, wrong), InvalidArgument);
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Backward);
INSTANTIATE_TEST_SUITE_P(Cuda, Backward, ::testing::ValuesIn(runners(cuda::Pass::backward)),
                         [](const auto& runner) { return name_of(runner.param); });

}  // namespace
}  // namespace attnlab::testing
