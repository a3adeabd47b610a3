// The forward pass of some rows: an online softmax over tiles of keys.
#pragma once

#include "oracle/mistakes/tile_scores.h"
#include "reference/softmax/row.h"

namespace attnlab::oracle::mistaken {

template <class T>
RowMajor<T> TileHead<T>::filled_up(const RowMajor<T>& matrix, Rows j) const {
  RowMajor<T> tile = RowMajor<T>::Zero(options_.bc, matrix.cols());
  tile.topRows(j.size) = matrix.middleRows(j.begin, j.size);
  return tile;
}

template <class T>
RowMajor<T> TileHead<T>::other_values(Index tile, Rows j) const {
  if (is(Wrong::tail_not_masked)) return filled_up(in_.v, j);
  if (is(Wrong::stale_tile) && tile > 0) {  // the buffer still holds the tile before
    return in_.v.middleRows((tile - 1) * options_.bc, j.size);
  }
  if (!is(Wrong::v_transposed)) return {};
  const RowMajor<T> flat = filled_up(in_.v, j);
  RowMajor<T> transposed(j.size, in_.v.cols());
  for (Index r = 0; r < j.size; ++r) {
    for (Index c = 0; c < in_.v.cols(); ++c) transposed(r, c) = flat.data()[c * options_.bc + r];
  }
  return transposed;
}

template <class T>
ForwardRows<T> TileHead<T>::forward(const Indices& rows) const {
  const Rows block = row_block(rows.front());
  const auto count = static_cast<Index>(rows.size());
  const T sink = static_cast<T>(head_.sink), none = -std::numeric_limits<T>::infinity();
  const bool finite = hidden() != none;

  ForwardRows<T> out;
  out.o = RowMajor<T>::Zero(count, in_.v.cols());
  if (options_.magnitudes) out.magnitude = out.o;
  out.m.setConstant(count, is(Wrong::m_starts_at_zero) ? T(0) : finite ? std::max(hidden(), sink) : sink);
  out.l.setConstant(count, sink == none ? T(0) : T(1));
  RowMajor<T> q(count, in_.q.cols());
  for (Index r = 0; r < count; ++r) q.row(r) = in_.q.row(rows[static_cast<std::size_t>(r)]);

  const Range tiles = visible_tiles(block);
  for (Index tile = tiles.begin; tile < tiles.end; ++tile) {
    const Rows j = attention::blocks(head_.seqlen_kv, options_.bc).block(tile);
    const RowMajor<T> other_v = other_values(tile, j);
    const RowMajor<T> other_k = is(Wrong::tail_not_masked) ? filled_up(in_.k, j) : RowMajor<T>();
    const Matrix k = other_k.size() > 0 ? Matrix(other_k) : Matrix(in_.k.middleRows(j.begin, j.size));
    const Matrix v = other_v.size() > 0 ? Matrix(other_v) : Matrix(in_.v.middleRows(j.begin, j.size));
    const Indices keys = all_of({j.begin, k.rows()});
    RowMajor<T> s = scores(q, k, rows, keys);
    Column<T> sums(count), rescale(count);
    for (Index r = 0; r < count; ++r) {
      const T m = std::max(softmax::max_row(&s(r, 0), s.cols()), out.m(r));
      rescale(r) = softmax::exp_diff(out.m(r), m);
      sums(r) = softmax::exp_row(&s(r, 0), s.cols(), m);
      out.m(r) = m;
    }
    if (const T least = static_cast<T>(options_.arithmetic.smallest_weight); least > 0) {
      s = (s.array() < least).select(T(0), s);
      sums = s.rowwise().sum();
    }
    if (is(Wrong::dropout_before_sum)) {
      dropout(s, rows, keys, true);
      sums = s.rowwise().sum();
      options_.arithmetic.round_weights(s);
    } else {
      options_.arithmetic.round_weights(s);
      dropout(s, rows, keys, !is(Wrong::dropout_unscaled));
    }
    for (Index r = 0; r < count; ++r) {
      const bool keep = !is(Wrong::l_not_rescaled);
      out.l(r) = is(Wrong::l_of_last_tile) ? sums(r) : (keep ? rescale(r) : T(1)) * out.l(r) + sums(r);
      if (rescale(r) == T(1) || is(Wrong::o_not_rescaled)) continue;
      out.o.row(r) *= rescale(r);
      if (options_.magnitudes) out.magnitude.row(r) *= rescale(r);
    }
    add_visible(s, v, rows, keys, false, out.o);
    if (options_.magnitudes) out.magnitude.noalias() += s.cwiseAbs() * v.cwiseAbs();
  }
  finish(out);
  const bool tail = is(Wrong::tail_rows_unwritten) && block.size < options_.br;
  const bool lost = is(Wrong::tile_unwritten) && block.begin / options_.br == options_.lost_row_block;
  out.written = !tail && !lost;
  return out;
}

// o / l and lse = m + log(l).
template <class T>
void TileHead<T>::finish(ForwardRows<T>& out) const {
  constexpr T kInf = std::numeric_limits<T>::infinity();
  out.lse.resize(out.l.size());
  for (Index r = 0; r < out.o.rows(); ++r) {
    const T m = out.m(r), l = out.l(r);
    T divisor = is(Wrong::o_not_normalised) ? T(1) : is(Wrong::o_normalised_twice) ? l * l : l;
    if (is(Wrong::p_scale_left)) divisor /= static_cast<T>(options_.arithmetic.p_scale);
    if (l != T(0)) {
      out.o.row(r) /= divisor;
      if (options_.magnitudes) out.magnitude.row(r) /= divisor;
    } else if (is(Wrong::empty_rows_nan)) {
      out.o.row(r).setConstant(std::numeric_limits<T>::quiet_NaN());
    }
    T& lse = out.lse(r) = softmax::lse(m, l);
    if (l == T(0)) {
      if (is(Wrong::lse_plus_infinity)) lse = kInf;
      continue;
    }
    if (is(Wrong::lse_base_2)) lse *= static_cast<T>(1.4426950408889634);
    if (is(Wrong::lse_unscaled)) lse = m / static_cast<T>(head_.scale) + std::log(l);
    if (is(Wrong::lse_without_m)) lse = std::log(l);
    if (is(Wrong::lse_is_max)) lse = m;
  }
}

}  // namespace attnlab::oracle::mistaken
