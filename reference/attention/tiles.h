// Tile sizes, and the ranges of tiles that the algorithms loop over.
#pragma once

#include "reference/attention/head.h"

namespace attnlab::attention {

// Rows (Br) and columns (Bc) of a tile of scores.
struct Tiles {
  Index br = 0;
  Index bc = 0;
};

constexpr Index ceil_div(Index a, Index b) { return (a + b - 1) / b; }

// The blocks [k * size, (k + 1) * size) for k in [first, last), the last one cut at `length`.
class Blocks {
 public:
  Blocks(Index length, Index size) : Blocks(length, size, 0, ceil_div(length, size)) {}
  Blocks(Index length, Index size, Index first, Index last)
      : length_(length), size_(size), first_(first), last_(std::max(first, last)) {}

  class Iterator {
   public:
    Iterator(const Blocks* blocks, Index k) : blocks_(blocks), k_(k) {}
    Rows operator*() const { return blocks_->block(k_); }
    Iterator& operator++() { return ++k_, *this; }
    bool operator!=(const Iterator& other) const { return k_ != other.k_; }

   private:
    const Blocks* blocks_;
    Index k_;
  };
  Iterator begin() const { return {this, first_}; }
  Iterator end() const { return {this, last_}; }
  bool empty() const { return first_ == last_; }
  Index first() const { return first_; }
  Index last() const { return last_; }
  Rows block(Index k) const { return {k * size_, std::min(size_, length_ - k * size_)}; }

 private:
  Index length_, size_, first_, last_;
};

inline Blocks blocks(Index length, Index size) { return {length, size}; }

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
