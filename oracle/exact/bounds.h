// What an honest kernel of a class may be off by at most, before any number is seen: for inputs whose scores
// lie within [-1, 1]. Cruder than the budget of a check, and enough to compare two results of one kernel.
#pragma once

#include <cmath>

#include "oracle/kernel_class.h"

namespace attnlab::oracle {

struct Bounds {
  double weight = 0;  // relative, of a weight, P's own rounding left out
  double o = 0;       // absolute, for values within [-1, 1]; P's rounding and the output's in it
  double lse = 0;     // absolute
};

// n keys of head_dim d. Sources of error, in the order of docs/oracle.md: operands, the product's sum, scores
// stored narrow, the exponential and its argument, one rescaling per tile; then P's rounding, which acts on
// the numerator or on both; the sums over n keys; the division; the output.
inline Bounds bounds(const KernelClass& c, Index d, Index n, FloatFormat output, FloatFormat lse) {
  const double u = c.accumulator_roundoff(), keys = static_cast<double>(n);
  const double tiles = std::ceil(keys / static_cast<double>(c.min_block_kv)) + 1;
  Bounds b;
  b.weight = u * (static_cast<double>(d) + 3) + c.exp_error + 8 * u + tiles * (c.exp_error + 4 * u);
  if (c.operands) b.weight += 2.1 * c.operands->unit_roundoff();
  if (c.scores) b.weight += c.scores->unit_roundoff();
  const double operand = c.operands ? c.operands->unit_roundoff() : 0;
  b.o = 2.1 * (c.p.unit_roundoff() + b.weight) + 2 * keys * u + 4 * u + operand + output.unit_roundoff();
  const double largest = 1 + std::log(std::max(keys, 1.0));
  b.lse = b.weight + keys * u + 4 * c.exp_error + largest * (4 * u + lse.unit_roundoff());
  return b;
}

}  // namespace attnlab::oracle
