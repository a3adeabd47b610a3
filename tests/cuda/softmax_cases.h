// The judgement of a softmax kernel: against float64, with a bound for every element.
//
// n numbers in a row whose range is r; u = 2^-24. A weight exp(x - m) is off by u |x - m| for its argument's
// rounding and 4 u for exp's: (r + 4) u. In a running sum it is rescaled whenever the maximum rises, by
// factors whose exponents add up to r at most, 5 u each; a thread of 256 takes n / 256 elements and 13 merges
// follow, so (r + n / 51 + 65) u. The sum's additions are off by n u, the reciprocal and the product by u
// each. Numerator and denominator together: (3 r + 2 n + 80) u y. A 16-bit result adds its own rounding.
// Weights below 1.2e-38 are 0.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "cuda/host/attention.h"
#include "tests/cuda/forward_cases.h"

namespace attnlab::testing {

// Rows of normally distributed numbers times `spread`, rounded to the type. The first row is all -inf, the
// second has a -inf.
inline std::vector<float> softmax_rows(DType type, Index rows, Index cols, double spread) {
  Random random(23);
  std::vector<float> x(static_cast<std::size_t>(rows * cols));
  for (float& value : x) value = static_cast<float>(spread * random.normal());
  round_to(type, x);
  std::fill_n(x.begin(), cols, -INFINITY);
  x[static_cast<std::size_t>(cols)] = -INFINITY;
  return x;
}

// The largest error of a kernel's result as a fraction of its bound.
inline double softmax_fraction(cuda::Backend backend, const cuda::Kernel& kernel, DType type, Index rows,
                               Index cols, double spread = 3) {
  const auto x = softmax_rows(type, rows, cols, spread);
  std::vector<float> y(x.size(), NAN);
  cuda::softmax(backend, kernel.name, type, {x.data(), rows, cols, cols}, {y.data(), rows, cols, cols});
  const FloatFormat format = float_format(type);
  double worst = 0;
  for (Index r = 0; r < rows; ++r) {
    const float* row = x.data() + r * cols;
    double m = -INFINITY, low = INFINITY, sum = 0;
    for (Index j = 0; j < cols; ++j) {
      m = std::max(m, double{row[j]});
      if (row[j] > -INFINITY) low = std::min(low, double{row[j]});
    }
    for (Index j = 0; j < cols; ++j) sum += row[j] == -INFINITY ? 0 : std::exp(double{row[j]} - m);
    for (Index j = 0; j < cols; ++j) {
      const double exact = row[j] == -INFINITY ? 0 : std::exp(double{row[j]} - m) / sum;
      const double value = double{y[static_cast<std::size_t>(r * cols + j)]};
      if (value == exact) continue;
      double allowed = kU * (3 * (m - low) + 2 * static_cast<double>(cols) + 80) * exact;
      if (type != DType::f32)
        allowed += format.unit_roundoff() * (exact + allowed) + format.min_subnormal() / 2;
      const double fraction = std::abs(value - exact) / (allowed + 1.2e-38);
      if (!(fraction <= worst)) worst = std::isnan(fraction) ? INFINITY : fraction;
    }
  }
  return worst;
}

}  // namespace attnlab::testing
