// What the roundings of an honest kernel of a class may do to the outputs of one head: the forward error
// bounds that docs/oracle.md derives, evaluated at the data. A bound of every element, which holds whatever
// the order of sums; and a model of the error of whole rows, whose roundings are taken as independent.
#pragma once

#include <span>
#include <vector>

#include "oracle/golden_head.h"
#include "oracle/kernel_class.h"

namespace attnlab::oracle {

// A type of outputs as a rounding: its unit roundoff, half its smallest number, and where it overflows.
struct OutputRounding {
  double relative = 0, absolute = 0, max_finite = 0;
  OutputRounding() = default;
  // What the class' outputs are rounded to before they are stored as `stored`.
  OutputRounding(const KernelClass& kernel_class, DType stored);
  // What rounding to nearest may do to a number of this size or less: half a unit in the last place.
  double half_ulp(double size) const;
};

// Norms of the rows of K and V, and of V's columns; 0 for what is not finite: it either has weight 0 or its
// rows are not finite anyway. Computed once a KV head.
struct KeyNorms {
  std::vector<double> k, k_max;  // Euclidean and maximum norm of each key
  std::vector<double> v, v_row;  // Euclidean and maximum norm of each value
  std::vector<double> v_max;     // of each column of V: the largest magnitude
  double v_scale = 1;            // the largest norm of a value, or 1 where all are 0
};
KeyNorms key_norms(KeyValues& kv, Index head_dim_v);

// The error model of rows of one output.
struct RowModel {
  std::vector<double> variance;    // of a row's error: the expected sum of squares over its columns
  std::vector<double> systematic;  // sum over columns of errors that may all point one way
  double multiple = 1;             // rows whose errors are one error
};

struct ForwardBudget {
  RowMajor<double> o;       // [rows, head_dim_v]
  std::vector<double> lse;  // [rows]
  RowModel o_model, lse_model;
  // Of lse before it is stored, for the backward pass: the bound, and the deviation that the model has.
  std::vector<double> sum_error, lse_deviation;
};

ForwardBudget forward_budget(const attention::Head& head, KeyValues& kv, const KeyNorms& norms,
                             std::span<const Index> rows, const RowMajor<double>& q,
                             const ForwardRows& golden, const KernelClass& kernel_class,
                             const OutputRounding& o, const OutputRounding& lse);

}  // namespace attnlab::oracle
