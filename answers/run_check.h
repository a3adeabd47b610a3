// How far a run is from standard attention in float64 on the same inputs.
#pragma once

#include <cstdint>

#include "reference/attention/attention.h"

namespace attnlab::answers {

// Numbers beside what they should be. NaN equals NaN, an infinity itself.
struct Agreement {
  double worst = 0;              // absolute difference of two finite numbers
  double largest = 0;            // absolute value of what is expected, where finite
  std::uint64_t mismatches = 0;  // finite on one side only, NaN beside infinity, infinities of two signs

  void add(double got, double expected);
  void add(const Agreement& other);
};

// The tensors of a run; without a backward pass dout, dq, dk and dv have no data.
template <class T>
struct RunViews {
  TensorView<const T> q, k, v, dout;
  TensorView<T> o, lse, dq, dk, dv;
  bool backward() const { return dout.data != nullptr; }
};

struct CheckResult {
  Index heads = 0;       // compared
  Agreement o, rounded;  // the output as computed, and rounded to the type it is written in
  Agreement lse, dq, dk, dv;
};

// How many heads standard attention in float64 may take for a check of a few seconds and a GiB; with a
// backward pass whole groups.
Index affordable_heads(const attention::Problem& problem, bool backward);

// Compares `heads` heads (rounded up to whole groups with a backward pass), spread evenly over the problem.
// `rounded` is o in the type of the output. The reference hides the tiles that options.block_mask leaves out.
template <class T>
CheckResult check(const attention::Problem& problem, const RunViews<T>& run, TensorView<const T> rounded,
                  const attention::Options& options, Index heads);

struct RowCount {
  Index rows = 0;          // of all heads, padding apart
  Index without_keys = 0;  // that see none
};
RowCount count_rows(const attention::Problem& problem, const attention::Options& options);

}  // namespace attnlab::answers
