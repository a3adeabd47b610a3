// Does every forward kernel, on every backend, give what the reference gives in float64, to within the
// rounding that lengths and types explain? And does the oracle call it right, for a class of fp32 arithmetic?
#include <gtest/gtest.h>

#include "tests/cuda/backends.h"
#include "tests/cuda/findings.h"
#include "tests/cuda/judged.h"

namespace attnlab::testing {
namespace {

struct ForwardRun {
  Runner runner;
  ForwardCase problem;
};
void PrintTo(const ForwardRun& run, std::ostream* os) {
  *os << name_of(run.runner) << " " << run.problem.name;
}

std::vector<ForwardRun> all_runs() {
  std::vector<ForwardRun> all;
  for (const Runner& runner : runners(cuda::Pass::forward)) {
    for (const ForwardCase& problem : forward_cases(*runner.kernel)) all.push_back({runner, problem});
  }
  return all;
}

class ForwardKernel : public ::testing::TestWithParam<ForwardRun> {};

TEST_P(ForwardKernel, AgreesWithTheReference) {
  const auto& [runner, problem] = GetParam();
  Case c;
  fill_case(problem, c);
  const KernelOutputs got = kernel_outputs(runner.backend, *runner.kernel, problem, c);
  const Fractions worst = forward_fractions(*runner.kernel, problem, c, got);
  if (!got.o.data.empty()) {
    const oracle::Verdict verdict = judged(problem, c, got);
    EXPECT_TRUE(verdict.right) << to_text(verdict);
  }
  EXPECT_LE(worst.o, 1) << "O's largest error, as a fraction of its bound";
  EXPECT_LE(worst.lse, 1) << "lse's largest error, as a fraction of its bound";
  expect_no_findings(runner.backend);
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ForwardKernel);
INSTANTIATE_TEST_SUITE_P(Cuda, ForwardKernel, ::testing::ValuesIn(all_runs()), [](const auto& run) {
  return name_of(run.param.runner) + "_" + run.param.problem.name;
});

class Forward : public ::testing::TestWithParam<Runner> {};

// Roundings that all add up in the bounds, and partly cancel in fact, are all that separates the two: little
// where there are few.
TEST_P(Forward, BoundsSaySomething) {
  const Fractions worst =
      run_forward_case(GetParam().backend, *GetParam().kernel, forward_case("", 8, 4, 32));
  EXPECT_GE(worst.o, 0.005);
  EXPECT_GE(worst.lse, 0.002);
}

TEST_P(Forward, SameBitsInAnyOrder) {
  const auto spec = forward_case("", 140, 150, 64, [](ForwardCase& c) {
    c.p.num_heads = 2, c.p.causal = true, c.p.dropout = {0.25, 9, 1}, c.p.softcap = 2;
  });
  Case c;
  fill_case(spec, c);
  const KernelOutputs first = kernel_outputs(GetParam().backend, *GetParam().kernel, spec, c);
  for (unsigned again = 1; again <= 3; ++again) {
    set_order(GetParam().backend, 10 * again, again);
    const KernelOutputs next = kernel_outputs(GetParam().backend, *GetParam().kernel, spec, c);
    set_order(GetParam().backend, 0, 0);
    EXPECT_EQ(first.o.data, next.o.data);
    EXPECT_EQ(first.lse.data, next.lse.data);
  }
  expect_no_findings(GetParam().backend);
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Forward);
INSTANTIATE_TEST_SUITE_P(Cuda, Forward, ::testing::ValuesIn(runners(cuda::Pass::forward)),
                         [](const auto& runner) { return name_of(runner.param); });

}  // namespace
}  // namespace attnlab::testing
