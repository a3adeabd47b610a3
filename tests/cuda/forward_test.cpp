// Does every forward kernel, on every backend, give what the reference gives in float64, to within the
// rounding that lengths and types explain?
#include <gtest/gtest.h>

#include "tests/cuda/backends.h"
#include "tests/cuda/forward_cases.h"

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
    for (const ForwardCase& problem : forward_cases()) all.push_back({runner, problem});
  }
  return all;
}

class ForwardKernel : public ::testing::TestWithParam<ForwardRun> {};

TEST_P(ForwardKernel, AgreesWithTheReference) {
  const auto& [runner, problem] = GetParam();
  const Fractions worst = run_forward_case(runner.backend, *runner.kernel, problem);
  EXPECT_LE(worst.o, 1) << "O's largest error, as a fraction of its bound";
  EXPECT_LE(worst.lse, 1) << "lse's largest error, as a fraction of its bound";
}

INSTANTIATE_TEST_SUITE_P(Cuda, ForwardKernel, ::testing::ValuesIn(all_runs()), [](const auto& run) {
  return name_of(run.param.runner) + "_" + run.param.problem.name;
});

}  // namespace
}  // namespace attnlab::testing
