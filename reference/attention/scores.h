// The steps that every attention algorithm shares on one tile of scores: s = score(q k^T), hiding, dropout,
// and products in which a hidden key or query has no part.
#pragma once

#include <cmath>
#include <limits>
#include <optional>

#include "reference/attention/head.h"
#include "reference/core/two_level_memory.h"

namespace attnlab::attention {

template <class T>
inline constexpr T kNegInf = -std::numeric_limits<T>::infinity();

// s <- softcap tanh(s / softcap).
template <class Memory, class T>
void apply_softcap(Memory& memory, const Head& head, Tile<T>& s) {
  if (head.softcap == 0) return;
  const T cap = static_cast<T>(head.softcap);
  s.mat().array() = cap * (s.mat().array() / cap).tanh();
  memory.count(Flop::exp, s.rows() * s.cols());
  memory.count(Flop::other, 2 * s.rows() * s.cols());
}

// The part of a broadcast tensor that belongs to tile (i, j): extents of 1 stay 1.
template <class T>
MatrixView<const T> tile_of(const BroadcastView<T>& view, Rows i, Rows j) {
  const Rows rows = view.rows == 1 ? Rows{0, 1} : i, cols = view.cols == 1 ? Rows{0, 1} : j;
  return {view.data + rows.begin * view.row_stride + cols.begin * view.col_stride, rows.size, cols.size,
          view.row_stride};
}

// Adds ALiBi and the bias, and sets hidden entries to -inf. s is tile (i, j) of the scores.
template <class Memory, class T>
void apply_bias_and_mask(Memory& memory, const Head& head, Rows i, Rows j, Tile<T>& s) {
  const Index size = i.size * j.size;
  if (head.alibi_slope != 0) {
    const T slope = static_cast<T>(head.alibi_slope);
    for (Index r = 0; r < i.size; ++r) {
      T* row = s.row(r);
      const Index diagonal = i.begin + r + head.offset() - j.begin;
      for (Index c = 0; c < j.size; ++c) row[c] -= slope * static_cast<T>(std::abs(diagonal - c));
    }
    memory.count(Flop::other, 2 * size);
  }
  if (head.has_bias) {
    const auto bias = memory.load(Hbm::bias, tile_of(head.bias, i, j));
    for (Index r = 0; r < i.size; ++r) {
      T* row = s.row(r);
      for (Index c = 0; c < j.size; ++c) {
        const T b = static_cast<T>(bias(bias.rows() == 1 ? 0 : r, bias.cols() == 1 ? 0 : c));
        row[c] = b == kNegInf<T> ? b : row[c] + b;  // hidden, whatever the score is
      }
    }
    memory.count(Flop::other, size);
  }
  if (head.has_mask) {
    const auto mask = memory.load(Hbm::mask, tile_of(head.mask, i, j));
    for (Index r = 0; r < i.size; ++r) {
      T* row = s.row(r);
      for (Index c = 0; c < j.size; ++c) {
        if (mask(mask.rows() == 1 ? 0 : r, mask.cols() == 1 ? 0 : c) == 0) row[c] = kNegInf<T>;
      }
    }
  }
  if (head.band(i, j) != Visibility::full) {
    for (Index r = 0; r < i.size; ++r) {
      T* row = s.row(r);
      const Index begin = std::clamp<Index>(head.band_begin(i.begin + r) - j.begin, 0, j.size);
      const Index end = std::clamp<Index>(head.band_end(i.begin + r) - j.begin, begin, j.size);
      std::fill(row, row + begin, kNegInf<T>);
      std::fill(row + end, row + j.size, kNegInf<T>);
    }
  }
}

// s = score(q k^T) for tile (i, j); q [i.size, d], k [j.size, d], s [i.size, j.size].
template <class Memory, class T>
void scores(Memory& memory, const Head& head, const Tile<const T>& q, const Tile<const T>& k, Rows i, Rows j,
            Tile<T>& s) {
  s.mat().noalias() = static_cast<T>(head.scale) * q.mat() * k.mat().transpose();
  memory.count(Flop::matmul, 2 * i.size * j.size * head.head_dim);
  memory.count(Flop::other, i.size * j.size);
  apply_softcap(memory, head, s);
  apply_bias_and_mask(memory, head, i, j, s);
}

// The dropout mask of tile (i, j): calls body(r, c, kept) for every entry.
template <class Body>
void for_each_dropout(const Head& head, Rows i, Rows j, Body body) {
  for (Index r = 0; r < i.size; ++r) {
    for (Index quad = j.begin / 4; quad * 4 < j.end(); ++quad) {
      const unsigned kept = head.kept(i.begin + r, quad);
      const Index first = quad * 4 - j.begin;
      for (Index c = std::max<Index>(first, 0); c < std::min(first + 4, j.size); ++c) {
        body(r, c, (kept >> (c - first) & 1u) != 0);
      }
    }
  }
}

// Redraws the dropout mask of tile (i, j) and applies it: kept entries times 1 / (1 - p), the others 0.
template <class Memory, class T>
void apply_dropout(Memory& memory, const Head& head, Rows i, Rows j, Tile<T>& p) {
  if (head.dropout.p == 0) return;
  const T scale = static_cast<T>(head.dropout_scale());
  for_each_dropout(head, i, j, [&](Index r, Index c, bool kept) { p(r, c) *= kept ? scale : T(0); });
  memory.count(Flop::other, i.size * j.size);
}

// The same in two steps, for an algorithm that keeps the mask in HBM.
inline void draw_dropout(const Head& head, Rows i, Rows j, Tile<std::uint8_t>& kept_tile) {
  for_each_dropout(head, i, j, [&](Index r, Index c, bool kept) { kept_tile(r, c) = kept ? 1 : 0; });
}
template <class Memory, class T>
void multiply_by_mask(Memory& memory, const Head& head, const Tile<std::uint8_t>& kept, Tile<T>& tile) {
  const T scale = static_cast<T>(head.dropout_scale());
  for (Index r = 0; r < tile.rows(); ++r) {
    for (Index c = 0; c < tile.cols(); ++c) tile(r, c) *= kept(r, c) != 0 ? scale : T(0);
  }
  memory.count(Flop::other, tile.rows() * tile.cols());
}

template <class Matrix>
bool all_finite(const Matrix& m) {
  using T = typename Matrix::Scalar;
  for (Index r = 0; r < m.rows(); ++r) {
    if (!((m.row(r).array() * T(0)).sum() == T(0))) return false;  // 0 * inf and 0 * NaN are NaN
  }
  return true;
}

// Sets hidden entries of tile (i, j) to 0 where something beside them is NaN or inf and may have spoilt them.
template <class T>
void clear_hidden(const Head& head, Rows i, Rows j, Tile<T>& tile) {
  if (head.all_visible(i, j) || all_finite(tile.mat())) return;
  for (Index r = 0; r < i.size; ++r) {
    for (Index c = 0; c < j.size; ++c) {
      if (!head.visible(i.begin + r, j.begin + c)) tile(r, c) = 0;
    }
  }
}

enum class Side { keys, queries };

// out += w b, where w is the weights of tile (i, j) (exact zeros where hidden) and b holds K or V rows
// (Side::keys), or its transpose and b holds Q or dO rows (Side::queries). A hidden pair adds nothing even
// where b is NaN or inf: 0 * NaN would.
template <Side side, class Memory, class T, class W, class B, class Out>
void add_product(Memory& memory, const Head& head, Rows i, Rows j, const W& w, const B& b, Out&& out,
                 T alpha = 1) {
  memory.count(Flop::matmul, 2 * i.size * j.size * b.cols());
  if (head.all_visible(i, j) || all_finite(b)) {
    if constexpr (side == Side::keys) {
      out.noalias() += alpha * w * b;
    } else {
      out.noalias() += alpha * w.transpose() * b;
    }
    return;
  }
  for (Index r = 0; r < i.size; ++r) {
    for (Index c = 0; c < j.size; ++c) {
      if (!head.visible(i.begin + r, j.begin + c)) continue;
      if constexpr (side == Side::keys) {
        out.row(r) += alpha * w(r, c) * b.row(c);
      } else {
        out.row(c) += alpha * w(r, c) * b.row(r);
      }
    }
  }
}

// ds <- p (dp - delta), in place of dp; delta [i.size, 1]. Hidden entries are 0 even where dp or delta is NaN
// or inf.
template <class Memory, class P, class T>
void softmax_backward(Memory& memory, const Head& head, Rows i, Rows j, const Tile<P>& p,
                      MatrixView<const std::type_identity_t<T>> delta, Tile<T>& dp) {
  for (Index r = 0; r < i.size; ++r) {
    dp.mat().row(r).array() = p.mat().row(r).array() * (dp.mat().row(r).array() - delta(r, 0));
  }
  memory.count(Flop::other, 2 * i.size * j.size);
  clear_hidden(head, i, j, dp);
}

// ds <- ds * d(softcap)/ds, from the tanh t = capped score / softcap: 1 - t^2. Hidden entries stay 0 even
// where their score was NaN.
template <class Memory, class T>
void softcap_backward(Memory& memory, const Head& head, Rows i, Rows j, const Tile<T>& capped, Tile<T>& ds) {
  const T cap = static_cast<T>(head.softcap);
  ds.mat().array() *= T(1) - (capped.mat().array() / cap).square();
  memory.count(Flop::other, 4 * ds.rows() * ds.cols());
  clear_hidden(head, i, j, ds);
}

}  // namespace attnlab::attention
