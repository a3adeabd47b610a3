// The backward pass of some rows and keys: P from the saved lse, then dV, dP, dS, dQ and dK, tile by tile.
#pragma once

#include "oracle/mistakes/tile_scores.h"
#include "reference/softmax/row.h"

namespace attnlab::oracle::mistaken {

// What a tile adds to the gradients is made of these.
template <class T>
struct TileHead<T>::BackwardTile {
  RowMajor<T> q, k, dout;     // the tile's rows of them
  RowMajor<T> p_dropped, ds;  // rounded
  RowMajor<T> ds_magnitude;   // p (|dP| + |delta|), where asked for
};

template <class Matrix>
Matrix gather(const Matrix& matrix, const Indices& rows) {
  Matrix out(static_cast<Index>(rows.size()), matrix.cols());
  for (std::size_t r = 0; r < rows.size(); ++r) out.row(static_cast<Index>(r)) = matrix.row(rows[r]);
  return out;
}

template <class T>
typename TileHead<T>::BackwardTile TileHead<T>::backward_tile(const SavedRows<T>& saved, const Indices& rows,
                                                              const Indices& keys) const {
  BackwardTile tile{gather(in_.q, rows), gather(in_.k, keys), gather(in_.dout, rows), {}, {}, {}};
  const RowMajor<T> v = gather(in_.v, keys);
  RowMajor<T> tanh, p = scores(tile.q, tile.k, rows, keys, &tanh);
  Column<T> delta(p.rows());
  for (Index r = 0; r < p.rows(); ++r) {
    const Index row = rows[static_cast<std::size_t>(r)];
    softmax::exp_row(&p(r, 0), p.cols(), is(Wrong::p_without_l) ? saved.m(row) : saved.lse(row));
    delta(r) = is(Wrong::delta_missing) ? T(0) : saved.delta(row);
    for (Index c = 0; c < p.cols(); ++c) {  // a NaN beside a hidden pair stays away from it
      if (p(r, c) != p(r, c) && !visible(row, keys[static_cast<std::size_t>(c)])) p(r, c) = 0;
    }
  }
  tile.p_dropped = p;
  options_.arithmetic.round_weights(tile.p_dropped);
  if (!is(Wrong::dv_undropped)) dropout(tile.p_dropped, rows, keys, !is(Wrong::dropout_unscaled));

  RowMajor<T> dp = RowMajor<T>::Zero(p.rows(), p.cols());
  options_.arithmetic.add_product(tile.dout, v.transpose(), dp);
  if (!is(Wrong::dp_undropped)) dropout(dp, rows, keys, !is(Wrong::dropout_unscaled));
  if (options_.magnitudes) {  // dP and delta are sums of products themselves
    const Column<T> values = v.rowwise().norm();
    const Column<T> rows_of_dout = tile.dout.rowwise().norm();
    RowMajor<T> terms = rows_of_dout * (values.array() + values.maxCoeff()).matrix().transpose();
    terms.colwise() += delta.cwiseAbs();
    tile.ds_magnitude = p.cwiseProduct(terms);
  }
  tile.ds = p.array() * (dp.colwise() - delta).array();
  if (head_.softcap != 0 && !is(Wrong::softcap_derivative_missing)) {
    tile.ds.array() *= T(1) - tanh.array().square();
  }
  for (Index r = 0; r < p.rows(); ++r) {
    for (Index c = 0; c < p.cols(); ++c) {
      T& ds = tile.ds(r, c);
      if (ds != ds && !visible(rows[static_cast<std::size_t>(r)], keys[static_cast<std::size_t>(c)])) ds = 0;
    }
  }
  options_.arithmetic.round_ds(tile.ds);
  return tile;
}

template <class T>
GradientRows<T> TileHead<T>::backward(const SavedRows<T>& saved, const Indices& rows,
                                      const Indices& keys) const {
  const Indices all_rows = rows.empty() ? all_of({0, head_.seqlen_q}) : rows;
  const Indices all_keys = keys.empty() ? all_of({0, head_.seqlen_kv}) : keys;
  GradientRows<T> grad;
  grad.dq = RowMajor<T>::Zero(static_cast<Index>(rows.size()), in_.q.cols());
  grad.dk = RowMajor<T>::Zero(static_cast<Index>(keys.size()), in_.k.cols());
  grad.dv = RowMajor<T>::Zero(static_cast<Index>(keys.size()), in_.v.cols());
  if (options_.magnitudes)
    grad.dq_magnitude = grad.dq, grad.dk_magnitude = grad.dk, grad.dv_magnitude = grad.dv;
  const T scale = static_cast<T>(head_.scale);
  const T scale_q = is(Wrong::dq_unscaled) ? T(1) : scale;
  const T scale_k = is(Wrong::dk_unscaled) ? T(1) : is(Wrong::dk_scaled_twice) ? scale * scale : scale;

  Index first_key = 0;
  for (Index jb = 0; jb * options_.bc < head_.seqlen_kv; ++jb) {
    const Rows j = attention::blocks(head_.seqlen_kv, options_.bc).block(jb);
    const Indices in_j = within(all_keys, j);
    Index first_row = 0;
    for (Index ib = 0; ib * options_.br < head_.seqlen_q; ++ib) {
      const Rows i = attention::blocks(head_.seqlen_q, options_.br).block(ib);
      const Indices in_i = within(all_rows, i);
      const Range seen = visible_tiles(i);
      if (!in_i.empty() && !in_j.empty() && jb >= seen.begin && jb < seen.end) {
        const BackwardTile t = backward_tile(saved, in_i, in_j);
        if (!rows.empty() &&
            !(is(Wrong::addition_lost) && ib == options_.lost_row_block && jb == options_.lost_col_block)) {
          RowMajor<T> part = RowMajor<T>::Zero(t.ds.rows(), grad.dq.cols());
          add_visible(t.ds, t.k, in_i, in_j, false, part);
          auto dq = grad.dq.middleRows(first_row, t.ds.rows());
          if (is(Wrong::dq_of_last_tile)) dq.setZero();
          dq += scale_q * part;
          round_all(options_.arithmetic.accumulator, dq);
          if (options_.magnitudes) {
            grad.dq_magnitude.middleRows(first_row, t.ds.rows()) +=
                std::abs(scale_q) * t.ds_magnitude * t.k.cwiseAbs();
          }
        }
        if (!keys.empty()) {
          RowMajor<T> dk = RowMajor<T>::Zero(t.ds.cols(), grad.dk.cols());
          RowMajor<T> dv = RowMajor<T>::Zero(t.ds.cols(), grad.dv.cols());
          add_visible(t.ds, t.q, in_i, in_j, true, dk);
          add_visible(t.p_dropped, t.dout, in_i, in_j, true, dv);
          auto to_k = grad.dk.middleRows(first_key, dk.rows());
          auto to_v = grad.dv.middleRows(first_key, dv.rows());
          if (is(Wrong::dkv_of_last_tile)) to_k.setZero(), to_v.setZero();
          to_k += scale_k * dk;
          to_v += dv;
          round_all(options_.arithmetic.accumulator, to_k);
          round_all(options_.arithmetic.accumulator, to_v);
          if (options_.magnitudes) {
            grad.dk_magnitude.middleRows(first_key, dk.rows()) +=
                std::abs(scale_k) * t.ds_magnitude.transpose() * t.q.cwiseAbs();
            grad.dv_magnitude.middleRows(first_key, dv.rows()) +=
                t.p_dropped.cwiseAbs().transpose() * t.dout.cwiseAbs();
          }
        }
      }
      first_row += static_cast<Index>(in_i.size());
    }
    first_key += static_cast<Index>(in_j.size());
  }
  return grad;
}

}  // namespace attnlab::oracle::mistaken
