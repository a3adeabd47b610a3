#include "simulator/io/tile_sums.h"

#include <algorithm>

namespace attnlab::io {
namespace {

using attention::ceil_div;

Count positive(Index value) { return value > 0 ? static_cast<Count>(value) : 0; }

Index floor_div(Index a, Index b) { return a >= 0 ? a / b : -ceil_div(-a, b); }

// The smallest i with a * i + b > 0, for a > 0.
Index first_positive(Index a, Index b) { return floor_div(-b, a) + 1; }

// sum over i in [first, last) of floor((a i + b) / m) where a * first + b >= 0.
Count floors(Index first, Index last, Index m, Index a, Index b) {
  if (first >= last) return 0;
  const auto u = [](Index value) { return static_cast<std::uint64_t>(value); };
  return floor_sum(u(last - first), u(m), u(a), u(a * first + b));
}

TileSums empty_sums(Index seqlen_q, Index seqlen_kv, attention::Tiles tiles) {
  TileSums sums;
  sums.full = tiles;
  sums.row_blocks = ceil_div(seqlen_q, tiles.br);
  sums.col_blocks = ceil_div(seqlen_kv, tiles.bc);
  if (seqlen_q > 0) sums.last.br = seqlen_q - (sums.row_blocks - 1) * tiles.br;
  if (seqlen_kv > 0) sums.last.bc = seqlen_kv - (sums.col_blocks - 1) * tiles.bc;
  return sums;
}

}  // namespace

std::uint64_t floor_sum(std::uint64_t n, std::uint64_t m, std::uint64_t a, std::uint64_t b) {
  std::uint64_t sum = 0;
  while (n > 0) {
    sum += n * (n - 1) / 2 * (a / m) + n * (b / m);
    a %= m;
    b %= m;
    // What is left are the lattice points under a line of slope a / m < 1: count them along the other axis.
    const std::uint64_t top = a * n + b;
    n = top / m;
    b = top % m;
    std::swap(m, a);
  }
  return sum;
}

Count TileSums::rows() const {
  return (visits[0][0] + visits[0][1]) * positive(full.br) +
         (visits[1][0] + visits[1][1]) * positive(last.br);
}
Count TileSums::cols() const {
  return (visits[0][0] + visits[1][0]) * positive(full.bc) +
         (visits[0][1] + visits[1][1]) * positive(last.bc);
}
Count TileSums::area() const {
  return positive(full.br) * (visits[0][0] * positive(full.bc) + visits[0][1] * positive(last.bc)) +
         positive(last.br) * (visits[1][0] * positive(full.bc) + visits[1][1] * positive(last.bc));
}
Count TileSums::rows_reached() const {
  return row_blocks_reached[0] * positive(full.br) + row_blocks_reached[1] * positive(last.br);
}
Count TileSums::cols_reached() const {
  return col_blocks_reached[0] * positive(full.bc) + col_blocks_reached[1] * positive(last.bc);
}

TileSums dense_tiles(Index seqlen_q, Index seqlen_kv, attention::Tiles tiles) {
  TileSums sums = empty_sums(seqlen_q, seqlen_kv, tiles);
  const Count rows[2] = {positive(sums.row_blocks - 1), sums.row_blocks > 0 ? Count{1} : Count{0}};
  const Count cols[2] = {positive(sums.col_blocks - 1), sums.col_blocks > 0 ? Count{1} : Count{0}};
  for (int r : {0, 1}) {
    for (int c : {0, 1}) sums.visits[r][c] = rows[r] * cols[c];
    sums.row_blocks_reached[r] = sums.col_blocks > 0 ? rows[r] : 0;
    sums.col_blocks_reached[r] = sums.row_blocks > 0 ? cols[r] : 0;
  }
  return sums;
}

TileSums band_tiles(const attention::Head& head, attention::Tiles tiles) {
  const Index nq = head.seqlen_q, nk = head.seqlen_kv, br = tiles.br, bc = tiles.bc;
  TileSums sums = empty_sums(nq, nk, tiles);
  if (nq == 0 || nk == 0) return sums;
  const Index tc = sums.col_blocks, full_rows = sums.row_blocks - 1;
  // Row block i sees keys [max(0, br i + low), min(nk, br i + high)).
  const Index low = head.offset() - head.left, high = br + head.offset() + head.right;
  const Index i_first = std::clamp<Index>(first_positive(br, high), 0, full_rows);
  const Index i_last = std::clamp<Index>(ceil_div(std::max<Index>(nk - low, 0), br), i_first, full_rows);

  // Column blocks begin at floor(begin / bc) and end at ceil(end / bc).
  const Index low_positive = std::clamp<Index>(first_positive(br, low), i_first, i_last);
  const Count begins = floors(low_positive, i_last, bc, br, low);
  const Index high_full = std::clamp<Index>(ceil_div(std::max<Index>(nk - high, 0), br), i_first, i_last);
  const Count ends =
      floors(i_first, high_full, bc, br, high + bc - 1) + positive(i_last - high_full) * positive(tc);
  // The last column block is among them where br i + high > bc (tc - 1).
  const Index reaches_last = std::clamp<Index>(first_positive(br, high - bc * (tc - 1)), i_first, i_last);
  sums.visits[0][1] = positive(i_last - reaches_last);
  sums.visits[0][0] = ends - begins - sums.visits[0][1];
  sums.row_blocks_reached[0] = positive(i_last - i_first);

  const attention::Blocks cols =
      visible_col_blocks(head, {full_rows * br, sums.last.br}, bc);  // of the last row block
  if (!cols.empty()) {
    sums.visits[1][1] = cols.last() == tc ? 1 : 0;
    sums.visits[1][0] = positive(cols.last() - cols.first()) - sums.visits[1][1];
    sums.row_blocks_reached[1] = 1;
  }

  // Column block j is seen by rows [max(0, bc j - offset - right), min(nq, end_j - offset + left)).
  const Index above = bc - head.offset() + head.left;   // bc j + above > 0 for full blocks
  const Index below = head.offset() + head.right + nq;  // bc j < below
  const Index j_first = std::clamp<Index>(first_positive(bc, above), 0, tc - 1);
  const Index j_last = std::clamp<Index>(ceil_div(std::max<Index>(below, 0), bc), j_first, tc - 1);
  sums.col_blocks_reached[0] = positive(j_last - j_first);
  sums.col_blocks_reached[1] = visible_row_blocks(head, {(tc - 1) * bc, sums.last.bc}, br).empty() ? 0 : 1;
  return sums;
}

TileSums masked_tiles(Index seqlen_q, Index seqlen_kv, attention::Tiles tiles,
                      const attention::BlockMask& mask) {
  if (mask.dense()) return dense_tiles(seqlen_q, seqlen_kv, tiles);
  TileSums sums = empty_sums(seqlen_q, seqlen_kv, tiles);
  for (Index i = 0; i < sums.row_blocks; ++i) {
    bool reached = false;
    for (Index j = 0; j < sums.col_blocks; ++j) {
      if (!mask(i, j)) continue;
      reached = true;
      ++sums.visits[i + 1 == sums.row_blocks][j + 1 == sums.col_blocks];
    }
    sums.row_blocks_reached[i + 1 == sums.row_blocks] += reached;
  }
  for (Index j = 0; j < sums.col_blocks; ++j) {
    bool reached = false;
    for (Index i = 0; i < sums.row_blocks && !reached; ++i) reached = mask(i, j);
    sums.col_blocks_reached[j + 1 == sums.col_blocks] += reached;
  }
  return sums;
}

}  // namespace attnlab::io
