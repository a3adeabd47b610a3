// Do the golden kernels, on every backend, give the CPU's float64 values, for every option of the problem and
// every head_dim?
#include <gtest/gtest.h>

#include "reference/core/errors.h"
#include "tests/cuda/findings.h"
#include "tests/cuda/golden_cases.h"

namespace attnlab::testing {
namespace {

void expect_golden(cuda::Backend backend, const Case& c, const std::string& what) {
  SCOPED_TRACE(what);
  const GoldenErrors errors = golden_errors(backend, c);
  EXPECT_LE(errors.of_bound, 1) << "largest error as a fraction of its bound";
  EXPECT_LE(errors.relative, 1e-12);
  expect_no_findings(backend);
}

class GoldenKernels : public ::testing::TestWithParam<cuda::Backend> {};

TEST_P(GoldenKernels, GiveTheCpusValuesForRandomProblems) {
  const int problems = GetParam() == cuda::Backend::gpu ? 200 : 12;
  for (int seed = 0; seed < problems; ++seed) {
    Case c;
    make_case(c, static_cast<std::uint64_t>(seed));
    expect_golden(GetParam(), c, "seed " + std::to_string(seed) + c.description);
  }
}

TEST_P(GoldenKernels, TakeEveryHeadDim) {
  const std::vector<Index> dims = GetParam() == cuda::Backend::gpu
                                      ? std::vector<Index>{1, 63, 64, 65, 128, 129, 200, 256, 257, 300, 512}
                                      : std::vector<Index>{1, 129, 300};
  for (const Index dim : dims) {
    Case c;
    make_wide_case(c, dim);
    expect_golden(GetParam(), c, "head_dim " + std::to_string(dim));
  }
}

// Without dO there is no backward pass.
TEST_P(GoldenKernels, ForwardAlone) {
  Case c;
  make_case(c, 3);
  oracle::Inputs inputs = inputs_of(c);
  inputs.dout = {};
  const oracle::Golden both = cuda::golden(GetParam(), c.p, inputs_of(c)),
                       one = cuda::golden(GetParam(), c.p, inputs);
  EXPECT_EQ(one.o.values, both.o.values);
  EXPECT_TRUE(one.dq.values.empty() && one.dk.values.empty() && one.dv.values.empty());
}

TEST_P(GoldenKernels, RefuseWhatTheyDoNotTake) {
  Case c;
  c.p.seqlen_q = c.p.seqlen_kv = 4, c.p.head_dim = 513, c.p.head_dim_v = 8;
  Random random(1);
  fill_tensors(c, random);
  try {
    cuda::golden(GetParam(), c.p, inputs_of(c));
    FAIL() << "513 columns were taken";
  } catch (const InvalidArgument& error) {
    EXPECT_STREQ(error.what(), "head_dim: got 513, expected at most 512");
  }
}

INSTANTIATE_TEST_SUITE_P(Cuda, GoldenKernels, ::testing::ValuesIn(cuda::backends()),
                         [](const auto& backend) { return std::string(cuda::name(backend.param)); });

}  // namespace
}  // namespace attnlab::testing
