// HBM traffic, SRAM peak and FLOPs of every attention algorithm in closed form: exact constants, O(log N)
// time (block masks: one pass over the mask), no allocation.
//
// Each form counts what the text of the algorithm in reference/attention does on the machine of metered.h,
// and the tests demand equality to the element. Sums run over the visited tiles (tile_sums.h); with n =
// seqlen, d = head_dim and a dense, evenly divided problem they read as in the papers:
//   standard     4 N^2 + 4 N d forward, 7 N^2 + 8 N d backward           (Theorems 2 and 5: Theta(N d + N^2))
//   flash1       (1 + 3 N / Bc) N d forward, (5 + 4 N / Bc) ... backward (Theta(N^2 d^2 / M))
//   flash2       (2 + 2 N / Br) N d forward
#pragma once

#include "reference/attention/attention.h"
#include "simulator/io/tile_sums.h"

namespace attnlab::io {

// One head. block_mask is read for Algorithm::blocksparse only.
Traffic forward_traffic(attention::Algorithm algorithm, const attention::Head& head, attention::Tiles tiles,
                        const attention::BlockMask& block_mask = {});
Traffic backward_traffic(attention::Algorithm algorithm, const attention::Head& head, attention::Tiles tiles,
                         const attention::BlockMask& block_mask = {});

}  // namespace attnlab::io
