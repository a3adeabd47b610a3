// How many tiles of scores an algorithm visits, by size: all that its closed form needs to know of masks and
// raggedness.
#pragma once

#include "reference/attention/tiles.h"
#include "simulator/io/traffic.h"

namespace attnlab::io {

// Every tile is one of four sizes: full or last (ragged) rows by full or last columns. A length that its
// block divides has a "last" block of full size.
struct TileSums {
  attention::Tiles full, last;  // sizes; last.br, last.bc in [1, full], or 0 for an empty length
  Index row_blocks = 0, col_blocks = 0;
  // Visited tiles: [full or last rows][full or last columns].
  Count visits[2][2] = {};
  // Row blocks and column blocks with at least one visited tile: [full or last].
  Count row_blocks_reached[2] = {}, col_blocks_reached[2] = {};

  Index rows_of(int last_row) const { return last_row ? last.br : full.br; }
  Index cols_of(int last_col) const { return last_col ? last.bc : full.bc; }

  Count tiles() const { return visits[0][0] + visits[0][1] + visits[1][0] + visits[1][1]; }
  // Over all visited tiles: the sum of their rows, of their columns, of rows * columns.
  Count rows() const;
  Count cols() const;
  Count area() const;
  // Rows (columns) of all blocks with a visited tile.
  Count rows_reached() const;
  Count cols_reached() const;
};

// Every tile.
TileSums dense_tiles(Index seqlen_q, Index seqlen_kv, attention::Tiles tiles);

// The tiles that the band of the head (causal, window) lets through, in O(log) time: sums of floors.
TileSums band_tiles(const attention::Head& head, attention::Tiles tiles);

// The tiles of a block mask, in one pass over it.
TileSums masked_tiles(Index seqlen_q, Index seqlen_kv, attention::Tiles tiles,
                      const attention::BlockMask& mask);

// sum over 0 <= i < n of floor((a i + b) / m) for m > 0, in O(log) steps. The sum and a n + b must fit 64
// bits.
std::uint64_t floor_sum(std::uint64_t n, std::uint64_t m, std::uint64_t a, std::uint64_t b);

}  // namespace attnlab::io
