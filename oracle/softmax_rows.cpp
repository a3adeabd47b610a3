#include "oracle/softmax_rows.h"

#include <algorithm>
#include <cmath>

namespace attnlab::oracle {
namespace {

constexpr double kRoundoff = 0x1p-24, kLeastWeight = 1.2e-38;

struct Row {
  double largest = -INFINITY, least = INFINITY,
         sum = 0;    // of the numbers that are not -inf; of their weights
  bool nan = false;  // and so is all of y
};

Row row_of(const float* x, Index cols) {
  Row row;
  for (Index j = 0; j < cols; ++j) {
    row.nan |= std::isnan(x[j]) || x[j] == INFINITY;
    row.largest = std::max(row.largest, double{x[j]});
    if (x[j] > -INFINITY) row.least = std::min(row.least, double{x[j]});
  }
  for (Index j = 0; j < cols; ++j) row.sum += x[j] == -INFINITY ? 0 : std::exp(double{x[j]} - row.largest);
  return row;
}

}  // namespace

double softmax_error(MatrixView<const float> x, MatrixView<const float> y, DType type) {
  const FloatFormat format = float_format(type);
  double worst = 0;
  for (Index r = 0; r < x.rows; ++r) {
    const Row row = row_of(&x(r, 0), x.cols);
    for (Index j = 0; j < x.cols; ++j) {
      const double got = y(r, j);
      if (row.nan) {
        if (!std::isnan(got)) worst = INFINITY;
        continue;
      }
      const double exact = x(r, j) == -INFINITY ? 0 : std::exp(double{x(r, j)} - row.largest) / row.sum;
      if (got == exact) continue;
      double allowed =
          kRoundoff * (3 * (row.largest - row.least) + 2 * static_cast<double>(x.cols) + 80) * exact;
      if (type != DType::f32)
        allowed += format.unit_roundoff() * (exact + allowed) + format.min_subnormal() / 2;
      const double fraction = std::abs(got - exact) / (allowed + kLeastWeight);
      if (!(fraction <= worst)) worst = std::isnan(fraction) ? INFINITY : fraction;
    }
  }
  return worst;
}

}  // namespace attnlab::oracle
