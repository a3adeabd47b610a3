// Comparing rows of one output with golden values: counts, sums and places, piece by piece, and the verdict
// on the tensor when all pieces are in.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "oracle/budget.h"
#include "oracle/damage.h"
#include "oracle/verdict.h"

namespace attnlab::oracle {

// The largest row RMS, over that of the model, that `rows` honest rows have all together but for a
// probability of 1e-6. A row's errors are a sub-Gaussian vector whose directions are not known (Hsu, Kakade &
// Zhang 2012, theorem 2.1, all variance in one direction).
double row_rms_limit(double rows);

// One output: what it is, and what its type does to numbers.
struct OutputTensorCheck {
  std::string name;
  Tensor got;
  OutputRounding rounding;
  double rms_limit = 0;
};

// What rows of one head of it hold. Pieces are merged in a fixed order, so that no sum depends on threads.
class Comparison {
 public:
  // rows: their places in the tensor, of head (b, h); golden and budget [rows, dim].
  void add_rows(const OutputTensorCheck& output, Index b, Index h, std::span<const Index> rows,
                const RowMajor<double>& golden, const RowMajor<double>& budget, const RowModel& model);
  void merge(Comparison&& later);
  TensorVerdict verdict(const OutputTensorCheck& output) const;
  const Damage& damage() const { return damage_; }

 private:
  // How many elements are one number: equal values have equal roundings, which add up instead of cancelling.
  double multiplicity() const;
  void add_element(const OutputTensorCheck& output, const Element& element, double& squared);

  TensorVerdict partial_;
  Damage damage_;
  double error_squared_ = 0, error_dot_ = 0, golden_squared_ = 0, signed_error_ = 0;
  double variance_ = 0, variance_squared_ = 0, systematic_ = 0;
  double multiple_ = 1;         // RowModel's
  std::vector<double> sample_;  // |golden| of one element per row
};

}  // namespace attnlab::oracle
