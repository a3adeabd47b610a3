// Does every softmax kernel, on every backend, agree with float64 to within its rounding, for any row length,
// type and layout, and put 0 and NaN where docs/semantics.md wants them?
#include <gtest/gtest.h>

#include <limits>

#include "tests/cuda/backends.h"
#include "tests/cuda/findings.h"
#include "tests/cuda/softmax_cases.h"

namespace attnlab::testing {
namespace {

class SoftmaxKernel : public ::testing::TestWithParam<Runner> {
 protected:
  void TearDown() override { expect_no_findings(GetParam().backend); }
};

TEST_P(SoftmaxKernel, AgreesWithFloat64) {
  for (const DType type : GetParam().kernel->needs.dtypes) {
    for (const Index cols : {1, 2, 31, 32, 33, 63, 64, 127, 128, 255, 256, 257, 511, 1003}) {
      EXPECT_LE(softmax_fraction(GetParam().backend, *GetParam().kernel, type, 5, cols), 1)
          << name(type) << " " << cols;
    }
    for (const Index rows : {1, 2, 3, 4, 127, 128, 129}) {
      const Index at_least_two = std::max<Index>(rows, 2);
      EXPECT_LE(softmax_fraction(GetParam().backend, *GetParam().kernel, type, at_least_two, 40), 1) << rows;
    }
    EXPECT_LE(softmax_fraction(GetParam().backend, *GetParam().kernel, type, 4, 300, 40), 1) << "wide range";
  }
}

TEST_P(SoftmaxKernel, NaNAndInfinityTakeTheirRowAlone) {
  constexpr Index kRows = 5, kCols = 70;
  std::vector<float> x(kRows * kCols, 1.0f), y(x.size());
  x[1 * kCols + 69] = std::numeric_limits<float>::quiet_NaN();
  x[3 * kCols + 2] = std::numeric_limits<float>::infinity();
  cuda::softmax(GetParam().backend, GetParam().kernel->name, DType::f32, {x.data(), kRows, kCols, kCols},
                {y.data(), kRows, kCols, kCols});
  for (std::size_t n = 0; n < y.size(); ++n) {
    const std::size_t row = n / kCols;
    EXPECT_EQ(std::isnan(y[n]), row == 1 || row == 3) << n;
  }
}

TEST_P(SoftmaxKernel, RowsMayLieApart) {
  constexpr Index kRows = 3, kCols = 40, kStride = 50;
  std::vector<float> x(kRows * kStride, 7.0f), y(kRows * kStride, -1.0f);
  cuda::softmax(GetParam().backend, GetParam().kernel->name, DType::f32, {x.data(), kRows, kCols, kStride},
                {y.data(), kRows, kCols, kStride});
  for (Index r = 0; r < kRows; ++r) {
    for (Index j = 0; j < kStride; ++j) {
      EXPECT_FLOAT_EQ(y[static_cast<std::size_t>(r * kStride + j)], j < kCols ? 1.0f / kCols : -1.0f);
    }
  }
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SoftmaxKernel);
INSTANTIATE_TEST_SUITE_P(Cuda, SoftmaxKernel, ::testing::ValuesIn(runners(cuda::Pass::softmax)),
                         [](const auto& runner) { return name_of(runner.param); });

}  // namespace
}  // namespace attnlab::testing
