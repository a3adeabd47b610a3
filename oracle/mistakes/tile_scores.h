// The scores of a tile, and which keys its rows see.
#pragma once

#include "oracle/mistakes/tile_head.h"
#include "reference/attention/tiles.h"

namespace attnlab::oracle::mistaken {

template <class T>
T TileHead<T>::hidden() const {
  return is(Wrong::finite_infinity_5e4)   ? T(-5e4)
         : is(Wrong::finite_infinity_1e4) ? T(-1e4)
                                          : -std::numeric_limits<T>::infinity();
}

template <class T>
Rows TileHead<T>::row_block(Index row) const {
  return attention::blocks(head_.seqlen_q, options_.br).block(row / options_.br);
}

template <class T>
typename TileHead<T>::Range TileHead<T>::visible_tiles(Rows rows) const {
  const auto tiles = attention::visible_col_blocks(head_, rows, options_.bc);
  Range range{tiles.first(), tiles.last()};
  if (is(Wrong::first_tile_skipped)) range.begin = std::min(range.begin + 1, range.end);
  if (is(Wrong::last_tile_dropped)) range.end = std::max(range.begin, range.end - 1);
  if (is(Wrong::ragged_tile_dropped)) range.end = std::min(range.end, head_.seqlen_kv / options_.bc);
  return range;
}

template <class T>
typename TileHead<T>::Range TileHead<T>::visible_keys(Index row) const {
  if (is(Wrong::whole_tiles_visible)) {
    const Range tiles = visible_tiles(row_block(row));
    return {tiles.begin * options_.bc, std::min(head_.seqlen_kv, tiles.end * options_.bc)};
  }
  return {head_.band_begin(row), head_.band_end(row)};
}

template <class T>
bool TileHead<T>::visible(Index i, Index j) const {
  const Range keys = visible_keys(i);
  if (j < keys.begin || j >= keys.end) return false;
  if (head_.has_mask && (head_.mask_at(i, j) == 0) != is(Wrong::mask_inverted)) return false;
  return !head_.has_bias || head_.bias_at(i, j) != -std::numeric_limits<float>::infinity();
}

template <class T>
void TileHead<T>::softcap(RowMajor<T>& s, RowMajor<T>* tanh) const {
  if (head_.softcap == 0) return;
  const T cap = static_cast<T>(head_.softcap);
  s = (s.array() / cap).tanh();
  if (tanh != nullptr) *tanh = s;
  s *= cap;
}

template <class T>
void TileHead<T>::add_alibi_and_bias(RowMajor<T>& s, const Indices& rows, const Indices& keys) const {
  if (head_.alibi_slope == 0 && !head_.has_bias) return;
  const Index offset = is(Wrong::alibi_without_offset) ? 0 : head_.offset();
  const T slope = static_cast<T>(head_.alibi_slope);
  const T factor = is(Wrong::bias_scaled) ? static_cast<T>(head_.scale) : T(1);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    T* row = &s(static_cast<Index>(r), 0);
    for (std::size_t c = 0; c < keys.size(); ++c) {
      if (slope != 0) row[c] -= slope * static_cast<T>(std::abs(rows[r] + offset - keys[c]));
      if (head_.has_bias && keys[c] < head_.seqlen_kv) {
        row[c] += factor * static_cast<T>(head_.bias_at(rows[r], keys[c]));
      }
    }
  }
}

template <class T>
void TileHead<T>::hide(RowMajor<T>& s, const Indices& rows, const Indices& keys) const {
  const bool plain = !head_.has_mask && !head_.has_bias;
  const T out = hidden();
  for (std::size_t r = 0; r < rows.size(); ++r) {
    T* row = &s(static_cast<Index>(r), 0);
    const Range range = visible_keys(rows[r]);
    for (std::size_t c = 0; c < keys.size(); ++c) {
      const bool tail = is(Wrong::tail_not_masked) && keys[c] >= head_.seqlen_kv &&
                        keys[c] <= rows[r] + head_.offset() + head_.right;
      const bool seen = keys[c] >= range.begin && keys[c] < range.end && (plain || visible(rows[r], keys[c]));
      row[c] = seen || tail ? row[c] : out;
    }
  }
}

template <class T>
RowMajor<T> TileHead<T>::scores(const RowMajor<T>& q, const Matrix& k, const Indices& rows,
                                const Indices& keys, RowMajor<T>* tanh) const {
  RowMajor<T> s = RowMajor<T>::Zero(q.rows(), k.rows());
  if (is(Wrong::head_dim_tail_dropped)) {
    const Index whole = q.cols() / 32 * 32;
    options_.arithmetic.add_product(q.leftCols(whole), k.leftCols(whole).transpose(), s);
  } else {
    options_.arithmetic.add_product(q, k.transpose(), s);
  }
  s *= static_cast<T>(head_.scale);
  round_all(options_.arithmetic.scores, s);
  if (is(Wrong::softcap_after_mask)) {
    hide(s, rows, keys);
    softcap(s, tanh);
    add_alibi_and_bias(s, rows, keys);
  } else if (is(Wrong::softcap_after_alibi)) {
    add_alibi_and_bias(s, rows, keys);
    softcap(s, tanh);
    hide(s, rows, keys);
  } else {
    softcap(s, tanh);
    add_alibi_and_bias(s, rows, keys);
    hide(s, rows, keys);
  }
  return s;
}

template <class T>
void TileHead<T>::dropout(RowMajor<T>& p, const Indices& rows, const Indices& keys, bool scaled) const {
  if (head_.dropout.p == 0) return;
  const T scale = scaled ? static_cast<T>(head_.dropout_scale()) : T(1);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    Index quad = -1;
    unsigned kept = 0;
    for (std::size_t c = 0; c < keys.size(); ++c) {
      if (keys[c] / 4 != quad) kept = head_.kept(rows[r], quad = keys[c] / 4);
      p(static_cast<Index>(r), static_cast<Index>(c)) *= (kept >> (keys[c] % 4) & 1u) != 0 ? scale : T(0);
    }
  }
}

template <class T>
void TileHead<T>::add_visible(const RowMajor<T>& p, const Matrix& b, const Indices& rows, const Indices& keys,
                              bool transposed, RowMajor<T>& sum) const {
  if ((b.array() * T(0)).sum() == T(0)) {
    if (transposed) {
      options_.arithmetic.add_product(p.transpose(), b, sum);
    } else {
      options_.arithmetic.add_product(p, b, sum);
    }
    return;
  }
  for (std::size_t r = 0; r < rows.size(); ++r) {  // 0 * NaN would be NaN
    for (std::size_t c = 0; c < keys.size(); ++c) {
      if (!visible(rows[r], keys[c])) continue;
      const auto i = static_cast<Index>(r), j = static_cast<Index>(c);
      if (transposed) {
        sum.row(j) += p(i, j) * b.row(i);
      } else {
        sum.row(i) += p(i, j) * b.row(j);
      }
    }
  }
}

}  // namespace attnlab::oracle::mistaken
