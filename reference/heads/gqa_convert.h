// Conversion of the key and value projections of a checkpoint to fewer heads: multi-head to grouped-query
// (GQA) or multi-query (MQA, one group) attention. Ainslie et al., "GQA: Training Generalized Multi-Query
// Transformer Models from Multi-Head Checkpoints" (arXiv 2305.13245), section 2.1 and Figure 1; the contrasts
// are those of its section 3.3.
//
// Group g takes the heads [g s, (g + 1) s), s = num_heads / num_groups: the ones whose queries attention will
// send to it (kv_head = h / s).
#pragma once

#include <cstdint>
#include <string_view>

#include "reference/core/view.h"

namespace attnlab::heads {

enum class Pooling {
  mean,    // of the group's heads, element by element: the paper's method
  first,   // the group's first head
  random,  // a new head, as if never trained
};

// Throws InvalidArgument listing the names.
Pooling parse_pooling(std::string_view name);
std::string_view name(Pooling pooling);

struct GroupConversion {
  Index num_heads = 0;   // of K or V in the checkpoint
  Index num_groups = 0;  // a divisor of num_heads
  Pooling pooling = Pooling::mean;
  // Of Pooling::random: the same seed and stream give the same numbers. A stream a projection.
  std::uint64_t seed = 0;
  std::uint32_t stream = 0;
};

// Throws InvalidArgument unless the counts are positive and the groups divide the heads.
void validate(const GroupConversion& conversion);

// weight [num_heads * head_dim, hidden] (output features first, as Hugging Face stores a Linear; a bias is a
// weight with hidden = 1) -> result [num_groups * head_dim, hidden], not overlapping it.
//
// mean accumulates in float64 and is exact, bit by bit, where the heads of a group are equal. random draws
// normal numbers with the root mean square of the weight.
//
// Throws InvalidArgument when the shapes do not fit.
template <class T>
void convert_projection(const GroupConversion& conversion, MatrixView<const T> weight, MatrixView<T> result);

}  // namespace attnlab::heads
