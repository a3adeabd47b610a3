// Is a softmax kernel's output right? Against float64, with a bound for every element.
//
// n numbers in a row whose range is r; u = 2^-24, the roundoff of the fp32 in which kernels compute. A weight
// exp(x - m) is off by u |x - m| for its argument's rounding and 4 u for exp's: (r + 4) u. In a running sum it is
// rescaled whenever the maximum rises, by factors whose exponents add up to r at most, 5 u each; a thread of 256 takes
// n / 256 elements and 13 merges follow, so (r + n / 51 + 65) u. The sum's additions are off by n u, the reciprocal and
// the product by u each. Numerator and denominator together: (3 r + 2 n + 80) u y. A 16-bit result adds its own
// rounding. Weights below 1.2e-38 are 0.
#pragma once

#include "reference/core/dtype.h"
#include "reference/core/view.h"

namespace attnlab::oracle {

// The largest error of y = softmax(x), row by row, as a fraction of its bound: right up to 1; NaN out of place is
// infinity. x and y hold numbers of `type`. A row of -inf alone gives zeros, a NaN or +inf a row of NaN.
double softmax_error(MatrixView<const float> x, MatrixView<const float> y, DType type);

}  // namespace attnlab::oracle
