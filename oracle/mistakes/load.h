// Where a kernel reads: the rows of one head as matrices, through right or wrong addresses.
#pragma once

#include "oracle/mistakes/wrong.h"
#include "oracle/tensor.h"
#include "reference/core/two_level_memory.h"

namespace attnlab::oracle::mistaken {

enum class Operand { q, k, v, dout };

// The rows of head h (a query head; K and V are those of its group) of sequence b, as float64.
RowMajor<double> load(const Tensor& tensor, Operand which, const attention::Problem& problem, Wrong wrong,
                      Index b, Index h);

// A tensor in [b, h, s, d] taken for [b, s, h, d], or the other way round: where the kernel that means row
// `row` of head `head` is in truth. inverse: the row that lands on (head, row).
struct HeadRow {
  Index head = 0, row = 0;
};
HeadRow other_layout(bool heads_first, Index heads, Index rows, HeadRow at);
// Whether a tensor has all rows of a head together. Only contiguous tensors can be mistaken at all.
bool heads_first(const Tensor& tensor);
bool has_other_layout(const Tensor& tensor);

}  // namespace attnlab::oracle::mistaken
