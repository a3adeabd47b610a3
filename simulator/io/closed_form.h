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

enum class Pass { forward, backward };
const char* name(Pass pass);

// Which side of a tile gets the room in SRAM (paper_tiles in account.h): the one whose doubling halves the traffic.
enum class TileRule {
  columns,      // Bc as large as fits, at least Br; K and V stay while rows stream past
  rows,         // Br, as long as one column fits; Q and O stay while columns stream past
  all_columns,  // Bc = seqlen_kv if that fits with some Br; else as `columns`
};

// An algorithm's closed form on one head, specialised in a file of its own (closed_flash.h):
//   static constexpr TileRule tile_rule(Pass);
//   static Traffic forward(const Head&, Tiles, const BlockMask&);
//   static Traffic backward(const Head&, Tiles, const BlockMask&);  if the algorithm has a backward pass
// The block mask is that of an algorithm which takes one, and dense for all others.
template <attention::Algorithm>
struct ClosedForm;

// One head. Throws InvalidArgument for a backward pass that the algorithm does not have.
Traffic head_traffic(attention::Algorithm algorithm, Pass pass, const attention::Head& head,
                     attention::Tiles tiles, const attention::BlockMask& block_mask = {});
TileRule tile_rule(attention::Algorithm algorithm, Pass pass);

}  // namespace attnlab::io
