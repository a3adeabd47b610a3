// Golden values of a device beside the CPU's, on a test's problem. Used by the tests and by
// check_kernels.cpp, which runs it where there is a GPU and no test framework.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "cuda/golden/golden.h"
#include "tests/reference/attention/passes.h"
#include "tests/reference/attention/rounding_bounds.h"

namespace attnlab::testing {

inline oracle::Inputs inputs_of(const Case& c) { return {c.q.view, c.k.view, c.v.view, c.dout.view}; }

// The largest errors of a tensor, or of all: as a fraction of their bounds, and relative to the tensor's
// largest number or 1. Infinite where NaN stands on one side only, or sizes differ.
struct GoldenErrors {
  double of_bound = 0, relative = 0;

  // Both sides round as float64 does: twice the bound for float, in float64's unit.
  void add(const oracle::GoldenTensor& got, const Buffer<double>& expected, const Buffer<double>& bound) {
    double largest = 1, furthest = got.values.size() == expected.data.size() ? 0 : INFINITY;
    for (std::size_t n = 0; n < std::min(got.values.size(), expected.data.size()); ++n) {
      const double a = got.values[n], b = expected.data[n];
      if (a == b || (std::isnan(a) && std::isnan(b))) continue;
      const double error = std::isnan(a - b) ? INFINITY : std::abs(a - b);
      if (std::isfinite(b)) largest = std::max(largest, std::abs(b));
      furthest = std::max(furthest, error);
      of_bound = std::max(of_bound, error / (2 * 0x1p-29 * bound.data[n] + 1e-300));
    }
    relative = std::max(relative, furthest / largest);
  }
};

inline GoldenErrors golden_errors(cuda::Backend backend, const Case& c) {
  Passes<double> expected(c.p);
  run_passes(attention::Algorithm::standard, c.p, convert<double>(c), {}, expected);
  const Bounds bounds(c, 64);
  const oracle::Golden got = cuda::golden(backend, c.p, inputs_of(c));
  GoldenErrors errors;
  errors.add(got.o, expected.o, bounds.o);
  errors.add(got.lse, expected.lse, bounds.lse);
  errors.add(got.dq, expected.dq, bounds.dq);
  errors.add(got.dk, expected.dk, bounds.dk);
  errors.add(got.dv, expected.dv, bounds.dv);
  return errors;
}

// A problem whose head_dim and head_dim_v are as unequal as they can be.
inline void make_wide_case(Case& c, Index dim) {
  c.p.num_heads = 2, c.p.seqlen_q = 33, c.p.seqlen_kv = 65, c.p.causal = true;
  c.p.head_dim = dim, c.p.head_dim_v = cuda::kMaxGoldenDim + 1 - dim;
  Random random(static_cast<std::uint64_t>(dim));
  fill_tensors(c, random);
}

}  // namespace attnlab::testing
