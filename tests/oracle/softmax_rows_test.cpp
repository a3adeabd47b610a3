// Does the judge of softmax kernels let rounding pass, and nothing else?
#include "oracle/softmax_rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace attnlab::oracle {
namespace {

double error_of(const std::vector<float>& x, const std::vector<float>& y, DType type = DType::f32) {
  const auto cols = static_cast<Index>(x.size());
  return softmax_error({x.data(), 1, cols, cols}, {y.data(), 1, cols, cols}, type);
}

TEST(SoftmaxRows, RoundingIsRight) {
  const float half = 0.5f;
  EXPECT_EQ(error_of({3, 3}, {half, half}), 0);
  EXPECT_LE(error_of({3, 3}, {half, std::nextafter(half, 1.0f)}), 1);
  EXPECT_GT(error_of({3, 3}, {half, 0.5001f}), 1);
  EXPECT_LE(error_of({0, 1}, {0.26904296875f, 0.73095703125f}, DType::f16), 1)
      << "neighbours of 0.26894, 0.73106";
}

TEST(SoftmaxRows, NaNNeverPasses) {
  EXPECT_EQ(error_of({3, 3}, {0.5f, NAN}), INFINITY);
  EXPECT_EQ(error_of({NAN, 3}, {NAN, 0.5f}), INFINITY) << "a NaN makes the whole row NaN";
  EXPECT_EQ(error_of({INFINITY, 3}, {NAN, NAN}), 0);
  EXPECT_EQ(error_of({-INFINITY, -INFINITY}, {0, 0}), 0);
  EXPECT_EQ(error_of({-INFINITY, -INFINITY}, {NAN, 0}), INFINITY);
  EXPECT_EQ(error_of({-INFINITY, 2}, {0, 1}), 0);
}

}  // namespace
}  // namespace attnlab::oracle
