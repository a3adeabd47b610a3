// One head as a tiled kernel sees it: FlashAttention-2's forward and backward pass (Dao 2023, Algorithms 1
// and 2) on any subset of its rows and keys, right or wrong in one step.
//
// T is float64 for mutated references, and holds the accumulator's format for kernels of a declared class.
#pragma once

#include <vector>

#include "oracle/mistakes/arithmetic.h"
#include "oracle/mistakes/wrong.h"
#include "reference/attention/head.h"

namespace attnlab::oracle::mistaken {

template <class T>
using Column = Eigen::Matrix<T, Eigen::Dynamic, 1>;

// The inputs of one head, operands rounded.
template <class T>
struct HeadInputs {
  RowMajor<T> q, k, v, dout;  // dout: empty in a forward pass
};

// A row block, or some rows of it.
template <class T>
struct ForwardRows {
  RowMajor<T> o;          // [rows, head_dim_v]
  Column<T> lse, m, l;    // of each row
  RowMajor<T> magnitude;  // sum of |weight| |v|, scaled as o is; empty unless asked for
  bool written = true;
};

// What the backward pass is given: lse and delta of every row, and with Wrong::p_without_l the largest score.
template <class T>
struct SavedRows {
  Column<T> lse, delta, m;
};

template <class T>
struct GradientRows {
  RowMajor<T> dq;                                        // [rows, head_dim]
  RowMajor<T> dk, dv;                                    // [keys, ...], of this head alone
  RowMajor<T> dq_magnitude, dk_magnitude, dv_magnitude;  // sums of the terms' magnitudes; if asked for
};

// Some indices of [begin, begin + size), ascending.
using Indices = std::vector<Index>;
Indices all_of(Rows range);
Indices within(const Indices& indices, Rows range);

template <class T>
class TileHead {
 public:
  struct Options {
    Index br = 64, bc = 64;
    Wrong wrong = Wrong::none;
    Arithmetic<T> arithmetic;
    bool magnitudes = false;
    // The tile that addition_lost loses, and the row block that tile_unwritten does not write; -1: none here.
    Index lost_row_block = -1, lost_col_block = -1;
  };
  TileHead(const attention::Head& head, const HeadInputs<T>& in, const Options& options)
      : head_(head), in_(in), options_(options) {}

  // Rows of one row block.
  ForwardRows<T> forward(const Indices& rows) const;
  // dq of `rows` from all keys where keys is empty; dk and dv of `keys` from all rows where rows is empty.
  // Both may be everything.
  GradientRows<T> backward(const SavedRows<T>& saved, const Indices& rows, const Indices& keys) const;
  const attention::Head& head() const { return head_; }

 private:
  struct Range {
    Index begin, end;
  };
  bool is(Wrong wrong) const { return options_.wrong == wrong; }
  T hidden() const;  // what a masked score becomes
  Rows row_block(Index row) const;
  Range visible_tiles(Rows rows) const;
  Range visible_keys(Index row) const;
  bool visible(Index i, Index j) const;
  // Keys of tile j, filled up with zeros to a whole tile where the tail is not masked.
  using Matrix = Eigen::Ref<const RowMajor<T>, 0, Eigen::OuterStride<>>;
  RowMajor<T> filled_up(const RowMajor<T>& matrix, Rows j) const;
  // The tile of V that a mistake makes of it; empty where it is V's own.
  RowMajor<T> other_values(Index tile, Rows j) const;
  // s(r, c) of rows[r] and keys[c], hidden ones hidden(); capped: tanh's argument is lost otherwise.
  RowMajor<T> scores(const RowMajor<T>& q, const Matrix& k, const Indices& rows, const Indices& keys,
                     RowMajor<T>* tanh = nullptr) const;
  void softcap(RowMajor<T>& s, RowMajor<T>* tanh) const;
  void add_alibi_and_bias(RowMajor<T>& s, const Indices& rows, const Indices& keys) const;
  void hide(RowMajor<T>& s, const Indices& rows, const Indices& keys) const;
  void dropout(RowMajor<T>& p, const Indices& rows, const Indices& keys, bool scaled) const;
  // sum += p b; where b is not finite, of visible pairs only. transposed: sum += p^T b.
  void add_visible(const RowMajor<T>& p, const Matrix& b, const Indices& rows, const Indices& keys,
                   bool transposed, RowMajor<T>& sum) const;
  void finish(ForwardRows<T>& out) const;
  struct BackwardTile;
  BackwardTile backward_tile(const SavedRows<T>& saved, const Indices& rows, const Indices& keys) const;

  attention::Head head_;
  const HeadInputs<T>& in_;
  Options options_;
};

}  // namespace attnlab::oracle::mistaken
