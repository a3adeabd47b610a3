// Do the golden kernels, on every backend, give the CPU's float64 values, for every option of the problem and
// every head_dim?
#include "cuda/golden.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "reference/core/errors.h"
#include "tests/attention/passes.h"
#include "tests/attention/rounding_bounds.h"
#include "tests/cuda/findings.h"

namespace attnlab::testing {
namespace {

oracle::Tensor tensor_of(const Buffer<double>& buffer) {
  const auto& v = buffer.view;
  oracle::Tensor t;
  t.data = v.data, t.dtype = DType::f64;
  t.batch = v.batch, t.heads = v.heads, t.seqlen = v.seqlen, t.dim = v.dim;
  t.batch_stride = v.batch_stride, t.head_stride = v.head_stride, t.row_stride = v.row_stride;
  return t;
}

oracle::Inputs inputs_of(const Case& c) {
  return {tensor_of(c.q), tensor_of(c.k), tensor_of(c.v), tensor_of(c.dout)};
}

// Both sides round as float64 does: twice the bound for float, in float64's unit.
void expect_equal(const char* name, const oracle::GoldenTensor& got, const Buffer<double>& expected,
                  const Buffer<double>& float_bound) {
  ASSERT_EQ(got.values.size(), expected.data.size()) << name;
  double worst = 0, largest = 0, furthest = 0;
  for (std::size_t n = 0; n < got.values.size(); ++n) {
    const double a = got.values[n], b = expected.data[n];
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    const double bound = 2 * 0x1p-29 * float_bound.data[n] + 1e-300, error = std::abs(a - b);
    largest = std::max(largest, std::abs(b)), furthest = std::max(furthest, error);
    if (!(error / bound <= worst)) worst = std::isnan(error) ? INFINITY : error / bound;
  }
  EXPECT_LE(worst, 1) << name << ": largest error as a fraction of its bound";
  EXPECT_LE(furthest, 1e-12 * std::max(1.0, largest)) << name;
}

void expect_golden(cuda::Backend backend, const Case& c, const std::string& what) {
  SCOPED_TRACE(what);
  Passes<double> expected(c.p);
  run_passes(attention::Algorithm::standard, c.p, convert<double>(c), {}, expected);
  const Bounds bounds(c, 64);
  const oracle::Golden got = cuda::golden(backend, c.p, inputs_of(c));
  expect_equal("o", got.o, expected.o, bounds.o);
  expect_equal("lse", got.lse, expected.lse, bounds.lse);
  expect_equal("dq", got.dq, expected.dq, bounds.dq);
  expect_equal("dk", got.dk, expected.dk, bounds.dk);
  expect_equal("dv", got.dv, expected.dv, bounds.dv);
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
    c.p.num_heads = 2, c.p.seqlen_q = 33, c.p.seqlen_kv = 65, c.p.causal = true;
    c.p.head_dim = dim, c.p.head_dim_v = 513 - dim;
    Random random(static_cast<std::uint64_t>(dim));
    fill_tensors(c, random);
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
