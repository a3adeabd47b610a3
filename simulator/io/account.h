// Traffic of a whole problem (every batch entry, head and group) in closed form, and the tile sizes that the
// papers prescribe.
#pragma once

#include "simulator/io/closed_form.h"

namespace attnlab::io {

// The sum over the problem. Problems whose heads are alike cost two evaluations whatever their number. The
// problem is not validated again. Its bias and mask are read for their extents only, their data may be absent
// from memory.
Traffic problem_traffic(attention::Algorithm algorithm, Pass pass, const attention::Problem& problem,
                        attention::Tiles tiles, const attention::BlockMask& block_mask = {});

// Line 1 of FlashAttention's Algorithm 1: Bc = ceil(M / 4d), Br = min(ceil(M / 4d), d), with d the larger
// head dimension.
//
// The paper's constant leaves no room for S (and, backward, for dK, dV, dO, dQ and dP): where that footprint
// exceeds M, Bc shrinks to the largest size that fits, and Br halves until Bc is no smaller than Br: traffic
// goes as 1 / Bc, and a Br that leaves room for a single column would cost d times the bound of Theorem 5.
// TileRule::rows, whose traffic goes as 1 / Br, keeps Br while one column fits. TileRule::all_columns keeps
// as many rows of K as fit (all of them, if they do). Sizes never exceed the sequence. Throws SramOverflow
// when a single row and column do not fit.
attention::Tiles paper_tiles(attention::Algorithm algorithm, Pass pass, const attention::Head& head,
                             std::int64_t sram_elements);

}  // namespace attnlab::io
