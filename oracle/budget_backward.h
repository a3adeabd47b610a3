// What the roundings of an honest kernel of a class may do to dQ, dK and dV of one head: docs/oracle.md,
// "Backward".
#pragma once

#include "oracle/budget.h"

namespace attnlab::oracle {

// Budgets and models of one query head's dq and of its part of dk and dv, before they are rounded: these add
// up over the head's group.
struct GradientBudget {
  RowMajor<double> dq, dk, dv;
  RowModel dq_model, dk_model, dv_model;
};

struct SavedForward {
  const RowMajor<double>&o, &dq;  // golden
  const std::vector<double>&lse, &max, &sum_error, &lse_deviation;
  // What the kernel itself left, and reads for delta; empty: not known.
  const RowMajor<double>& got_o;
  OutputRounding rounding;  // of o
};

// Adds the rows `rows`, which are contiguous. group_size query heads add to one dk and dv.
void add_gradient_budget(const attention::Head& head, KeyValues& kv, const KeyNorms& norms,
                         std::span<const Index> rows, const RowMajor<double>& q, const RowMajor<double>& dout,
                         const SavedForward& saved, Index group_size, const KernelClass& kernel_class,
                         GradientBudget& budget);

// Adds what rounding to the output type may do, given the golden values, and what sums of `terms` do to them
// as a whole, underflow included.
void add_rounding(const RowMajor<double>& golden, const OutputRounding& rounding,
                  const KernelClass& kernel_class, double terms, RowMajor<double>& budget, RowModel& model);

// Adds what rounding one query head's part of dk or dv may do, before the group's are added.
void add_part_rounding(const RowMajor<double>& part, const OutputRounding& rounding, RowMajor<double>& budget,
                       RowModel& model);

}  // namespace attnlab::oracle
