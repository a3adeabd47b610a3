// Tile sizes, and the ranges of tiles that the algorithms loop over.
#pragma once

#include "reference/attention/head.h"
#include "reference/core/blocks.h"

namespace attnlab::attention {

// Rows (Br) and columns (Bc) of a tile of scores.
struct Tiles {
  Index br = 0;
  Index bc = 0;
};

using attnlab::Blocks;
using attnlab::blocks;
using attnlab::ceil_div;

// The longest row that standard attention's passes over whole rows keep in SRAM: two such rows take the room
// of a tile of scores.
inline Index row_piece(Tiles tiles) { return std::max(tiles.bc, tiles.br * tiles.bc / 2); }

// Column blocks that some row of `rows` sees through the band.
inline Blocks visible_col_blocks(const Head& head, Rows rows, Index bc) {
  const Index begin = head.band_begin(rows.begin), end = head.band_end(rows.end() - 1);
  if (begin >= end) return {head.seqlen_kv, bc, 0, 0};
  return {head.seqlen_kv, bc, begin / bc, ceil_div(end, bc)};
}

// Row blocks with some row that sees a column of `cols` through the band.
inline Blocks visible_row_blocks(const Head& head, Rows cols, Index br) {
  const Index begin = std::max<Index>(0, cols.begin - head.offset() - head.right);
  const Index end = std::min(head.seqlen_q, cols.end() - head.offset() + head.left);
  if (begin >= end) return {head.seqlen_q, br, 0, 0};
  return {head.seqlen_q, br, begin / br, ceil_div(end, br)};
}

// Which tiles of scores exist at all (FlashAttention's block-sparse mask M~, Algorithm 5), [ceil(seqlen_q /
// br), ceil(seqlen_kv / bc)] row-major; 0 = the tile is left out. Null data: every tile exists.
struct BlockMask {
  const std::uint8_t* data = nullptr;
  Index row_blocks = 0, col_blocks = 0;

  bool dense() const { return data == nullptr; }
  bool operator()(Index i, Index j) const { return dense() || data[i * col_blocks + j] != 0; }
  // The first column block of row block i, or `col_blocks` when it has none.
  Index first_col(Index i) const {
    Index j = 0;
    while (j < col_blocks && !(*this)(i, j)) ++j;
    return j;
  }
};

}  // namespace attnlab::attention
