// The pieces that closed forms share: counts of the steps of reference/attention/scores.h, and the sizes of
// tiles.
#pragma once

#include <algorithm>
#include <string>

#include "reference/core/errors.h"
#include "simulator/io/tile_sums.h"

namespace attnlab::io {

constexpr Count u(Index value) { return static_cast<Count>(value); }

// Elements of a broadcast tensor that belong to a tile of r x c: extents of 1 stay 1.
template <class T>
Count broadcast_elements(const BroadcastView<T>& view, Count r, Count c) {
  return (view.rows == 1 ? 1 : r) * (view.cols == 1 ? 1 : c);
}

// SRAM of the bias tile or, after it has left, the mask tile.
inline Count broadcast_tile(const attention::Head& head, Count r, Count c) {
  return std::max(head.has_bias ? broadcast_elements(head.bias, r, c) : 0,
                  head.has_mask ? broadcast_elements(head.mask, r, c) : 0);
}

// Calls body(r, c) for each size of which at least one tile is visited.
template <class Body>
void for_each_tile_size(const TileSums& sums, Body body) {
  for (int r : {0, 1}) {
    for (int c : {0, 1}) {
      if (sums.visits[r][c] != 0) body(u(sums.rows_of(r)), u(sums.cols_of(c)));
    }
  }
}

// Rows of the largest row block that no tile reaches; 0 when all are reached.
inline Count unreached_rows(const TileSums& sums) {
  if (sums.row_blocks == 0) return 0;
  if (sums.row_blocks_reached[0] < u(sums.row_blocks - 1)) return u(sums.full.br);
  return sums.row_blocks_reached[1] == 0 ? u(sums.last.br) : 0;
}

// bias_and_mask of every visited tile: HBM loads and the additions.
inline void add_bias_and_mask(Traffic& t, const attention::Head& head, const TileSums& sums) {
  const auto loaded = [&](bool row_broadcast, bool col_broadcast) {
    if (row_broadcast && col_broadcast) return sums.tiles();
    if (row_broadcast) return sums.cols();
    return col_broadcast ? sums.rows() : sums.area();
  };
  if (head.alibi_slope != 0) t.flop(Flop::other) += 2 * sums.area();
  if (head.has_bias) {
    t.load(Hbm::bias) += loaded(head.bias.rows == 1, head.bias.cols == 1);
    t.flop(Flop::other) += sums.area();
  }
  if (head.has_mask) t.load(Hbm::mask) += loaded(head.mask.rows == 1, head.mask.cols == 1);
}

// scores() of every visited tile, its matmul apart: scale, softcap, ALiBi, bias, mask.
inline void add_scoring(Traffic& t, const attention::Head& head, const TileSums& sums) {
  t.flop(Flop::other) += sums.area();
  if (head.softcap != 0) {
    t.flop(Flop::exp) += sums.area();
    t.flop(Flop::other) += 2 * sums.area();
  }
  add_bias_and_mask(t, head, sums);
}

// With K and V in pages: the entries of the block table that lead to every block of keys that is loaded.
// loads(j): how often block j of K is, and of V likewise. One pass over the blocks, since their ends fall
// anywhere in the pages; beyond 2^26 of them it is refused.
template <class Loads>
void add_block_table(Traffic& t, const attention::Head& head, Index bc, Loads loads) {
  if (head.page_size == 0) return;
  const attention::Blocks cols = attention::blocks(head.seqlen_kv, bc);
  if (constexpr Index kMost = Index{1} << 26; cols.last() > kMost) {
    throw InvalidArgument(
        "page_size", std::to_string(head.page_size),
        "0 with " + std::to_string(cols.last()) + " blocks of keys, more than " + std::to_string(kMost));
  }
  for (Index j = 0; j < cols.last(); ++j) {
    const Rows block = cols.block(j);
    const Index entries = (block.end() - 1) / head.page_size - block.begin / head.page_size + 1;
    t.load(Hbm::block_table) += 2 * loads(block) * u(entries);
  }
}

// Every entry of the block mask is looked up once.
inline void add_block_mask(Traffic& t, const TileSums& sums, bool block_mask) {
  if (block_mask) t.load(Hbm::block_mask) += u(sums.row_blocks) * u(sums.col_blocks);
}

}  // namespace attnlab::io
