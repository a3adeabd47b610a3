// Closed forms of FlashAttention-1 (dense or block-sparse) and -2 on one head, given the tiles they visit.
#pragma once

#include "reference/attention/flash1.h"
#include "simulator/io/tile_sums.h"

namespace attnlab::io {

Traffic flash2_forward_traffic(const attention::Head& head, const TileSums& sums);
Traffic flash2_backward_traffic(const attention::Head& head, const TileSums& sums);
// block_mask: whether the tiles are looked up in a mask in HBM.
Traffic flash1_forward_traffic(const attention::Head& head, const TileSums& sums,
                               attention::Initialise initialise, bool block_mask);
Traffic flash1_backward_traffic(const attention::Head& head, const TileSums& sums,
                                attention::Initialise initialise, bool block_mask);

}  // namespace attnlab::io
