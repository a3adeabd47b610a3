// A kernel class as the numbers that error bounds are made of.
#pragma once

#include <algorithm>
#include <cmath>

#include "oracle/kernel_class.h"

namespace attnlab::oracle {

// Sums that round to nearest grow like the square root of their length, but for a probability of 2 exp(-32)
// a sum (Higham & Mary, "A New Approach to Probabilistic Rounding Error Analysis", SISC 2019, theorem 2.4).
inline constexpr double kConfidence = 8;

// The variance of an error that is anywhere within [-1, 1].
inline constexpr double kUniform = 1.0 / 3;

struct Arithmetic {
  double u;              // of one operation
  double u_sum;          // of one addition inside a sum
  double u_p, eta_p;     // of P's and dS' format: relative, and absolute below its normal numbers
  double u_operand = 0;  // of Q, K, V, dO, where they are rounded
  double u_scores = 0;   // of S, where it is stored
  double smallest;       // what an operation may lose to underflow: GPUs may flush fp32's subnormals to zero
  const KernelClass& kernel;

  explicit Arithmetic(const KernelClass& c)
      : u(c.accumulator.unit_roundoff()),
        u_sum(c.accumulator_roundoff()),
        u_p(c.p.unit_roundoff()),
        eta_p(c.p.min_subnormal() / 2 / c.p_scale),
        smallest(c.accumulator.exponent_bits >= 8 ? c.accumulator.min_normal()
                                                  : c.accumulator.min_subnormal()),
        kernel(c) {
    if (c.operands) u_operand = c.operands->unit_roundoff();
    if (c.scores) u_scores = c.scores->unit_roundoff();
  }

  // The relative error of a sum of n terms, of the sum of their magnitudes. Truncated sums err to one side;
  // so do equal terms: `multiplicity` of n count as one.
  double sum(double n, double multiplicity = 1) const {
    if (n <= 1) return 0;
    return u_sum * (kernel.truncating ? n : std::min(n, kConfidence * std::sqrt(n * multiplicity)));
  }
  // On average: the standard deviation of a rounded sum's error, or the pull of a truncated one, of the root
  // mean square of its partial sums.
  double typical_sum(double n, double multiplicity = 1) const {
    if (n <= 1) return 0;
    return kernel.truncating ? u * n : u * std::sqrt(n * multiplicity / 3);
  }
};

}  // namespace attnlab::oracle
