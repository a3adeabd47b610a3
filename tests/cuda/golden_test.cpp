// Do the golden kernels, on every backend, give the CPU's float64 values, for every option of the problem and
// every head_dim; and is a check that rests on them the same check?
#include <gtest/gtest.h>

#include "oracle/check.h"
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

// The kernels' numbers are NaN where the CPU's are, and infinite where they are.
void expect_same_kinds(const oracle::GoldenTensor& got, const oracle::GoldenTensor& expected) {
  ASSERT_EQ(got.values.size(), expected.values.size());
  for (std::size_t n = 0; n < got.values.size(); ++n) {
    const double a = got.values[n], b = expected.values[n];
    ASSERT_EQ(std::isnan(a), std::isnan(b)) << n;
    if (std::isinf(b)) {
      ASSERT_EQ(a, b) << n;
    }
  }
}

TEST_P(GoldenKernels, AreNotFiniteWhereTheCpusAreNot) {
  for (int seed = 0; seed < 4; ++seed) {
    Case c;
    make_case(c, static_cast<std::uint64_t>(seed));
    if (c.q.data.empty() || c.k.data.empty() || c.v.data.empty()) continue;
    c.q.data[c.q.data.size() / 3] = 1e200;
    c.k.data[c.k.data.size() / 2] = NAN;
    c.k.data[c.k.data.size() / 5] = INFINITY;
    c.v.data[c.v.data.size() / 4] = -INFINITY;
    oracle::Inputs inputs = inputs_of(c);
    inputs.dout = {};
    SCOPED_TRACE(c.description);
    const oracle::Golden got = cuda::golden(GetParam(), c.p, inputs), expected = oracle::golden(c.p, inputs);
    expect_same_kinds(got.o, expected.o);
    expect_same_kinds(got.lse, expected.lse);
  }
}

// Golden values rounded to fp32, of which one number in `every` is wrong.
std::vector<float> outputs_with(const oracle::GoldenTensor& golden, std::size_t every) {
  std::vector<float> values(golden.values.begin(), golden.values.end());
  for (std::size_t n = every / 2; n < values.size(); n += every) values[n] += 0.01F;
  return values;
}

void expect_near(double a, double b, double relative) {
  if (a != b) {
    EXPECT_NEAR(a, b, relative * (1 + std::abs(b)));
  }
}

void expect_same(const oracle::Verdict& got, const oracle::Verdict& expected) {
  EXPECT_EQ(got.right, expected.right);
  EXPECT_EQ(got.rows_checked, expected.rows_checked);
  ASSERT_EQ(got.tensors.size(), expected.tensors.size());
  for (std::size_t n = 0; n < got.tensors.size(); ++n) {
    const oracle::TensorVerdict &a = got.tensors[n], &b = expected.tensors[n];
    SCOPED_TRACE(a.name);
    EXPECT_EQ(a.right, b.right);
    EXPECT_EQ(a.wrong, b.wrong);
    EXPECT_EQ(a.checked, b.checked);
    expect_near(a.max_error_over_budget, b.max_error_over_budget, 1e-5);
    expect_near(a.worst.expected, b.worst.expected, 1e-12);
    expect_near(a.max_row_rms, b.max_row_rms, 1e-5);
  }
}

TEST_P(GoldenKernels, MakeTheSameVerdict) {
  const std::string name = cuda::name(GetParam());
  for (int seed = 0; seed < 6; ++seed) {
    Case c;
    make_case(c, static_cast<std::uint64_t>(seed));
    const oracle::Inputs inputs = inputs_of(c);
    const oracle::Golden golden = oracle::golden(c.p, inputs);
    for (const std::size_t every : {~std::size_t{0}, std::size_t{97}}) {
      SCOPED_TRACE(c.description + ", an error in " + std::to_string(every));
      const auto tensor = [](const std::vector<float>& values, const oracle::GoldenTensor& like) {
        return oracle::bhsd(values.data(), DType::f32, like.batch, like.heads, like.rows, like.dim);
      };
      const auto o = outputs_with(golden.o, every), lse = outputs_with(golden.lse, every),
                 dq = outputs_with(golden.dq, every), dk = outputs_with(golden.dk, every),
                 dv = outputs_with(golden.dv, every);
      oracle::Outputs outputs{tensor(o, golden.o), tensor(lse, golden.lse), tensor(dq, golden.dq),
                              tensor(dk, golden.dk), tensor(dv, golden.dv)};
      oracle::CheckOptions here, there;
      here.diagnose = there.diagnose = false;
      there.golden = cuda::golden_source(name);
      const auto kernel_class = oracle::usual_class(DType::f32);
      const auto both = oracle::check(c.p, inputs, outputs, kernel_class, there);
      expect_same(both, oracle::check(c.p, inputs, outputs, kernel_class, here));
      EXPECT_EQ(both.golden,
                GetParam() == cuda::Backend::gpu ? cuda::functions(GetParam()).device_name() : name);
      // Some rows of the forward pass alone.
      outputs.dq = outputs.dk = outputs.dv = {};
      here.rows = there.rows = oracle::RowChoice::parse("sample:9");
      expect_same(oracle::check(c.p, inputs, outputs, kernel_class, there),
                  oracle::check(c.p, inputs, outputs, kernel_class, here));
    }
  }
}

TEST(GoldenSource, IsNamed) {
  EXPECT_FALSE(cuda::golden_source("cpu"));
  const auto refusal = [](const std::string& name) {
    try {
      cuda::golden_source(name, "--golden");
    } catch (const InvalidArgument& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(refusal("tpu"), "--golden: got 'tpu', expected auto, cpu, gpu or emulator");
  const auto all = cuda::backends();
  if (std::find(all.begin(), all.end(), cuda::Backend::gpu) == all.end()) {
    EXPECT_FALSE(cuda::golden_source("auto"));
    EXPECT_EQ(refusal("gpu"), "--golden: got 'gpu', expected a GPU, and a build with -DATTNLAB_CUDA=ON");
  }
}

// A problem that a backend does not take is refused where the backend was asked for.
TEST_P(GoldenKernels, AskedForByNameRefuse) {
  Case c;
  c.p.seqlen_q = c.p.seqlen_kv = 4, c.p.head_dim = 513, c.p.head_dim_v = 8;
  Random random(1);
  fill_tensors(c, random);
  EXPECT_THROW(cuda::golden_source(cuda::name(GetParam()))(c.p, inputs_of(c)), InvalidArgument);
}

INSTANTIATE_TEST_SUITE_P(Cuda, GoldenKernels, ::testing::ValuesIn(cuda::backends()),
                         [](const auto& backend) { return std::string(cuda::name(backend.param)); });

}  // namespace
}  // namespace attnlab::testing
