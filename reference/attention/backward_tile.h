// One tile of an attention backward pass, shared by FlashAttention-1 and -2 (Algorithm 4 of the first paper,
// lines 11 to 22; Algorithm 2 of the second, lines 10 to 16), and the beginnings of its accumulators.
#pragma once

#include <optional>

#include "reference/attention/operands.h"
#include "reference/attention/scores.h"

namespace attnlab::attention {

// delta_r = dout_r . o_r
template <class Memory, class T>
void row_dots(Memory& memory, const Tile<const T>& o, const Tile<const T>& dout, Tile<T>& delta) {
  for (Index r = 0; r < delta.rows(); ++r) delta(r) = o.mat().row(r).dot(dout.mat().row(r));
  memory.count(Flop::other, 2 * o.rows() * o.cols());
}

template <class Memory, class T>
void zero(Memory& memory, Hbm tensor, const char* name, MatrixView<T> target) {
  auto tile = memory.tile_for(name, target);
  tile.mat().setZero();
  memory.store(tensor, target, tile);
}

// dQ_i starts at zero at the first tile that reaches row block i and comes back from HBM at the later ones.
template <class Memory, class T>
Tile<T> begin_dq(Memory& memory, bool first, MatrixView<T> target) {
  if (!first) return memory.load(Hbm::dQ, target);
  auto dq = memory.tile_for("dQ", target);
  dq.mat().setZero();
  return dq;
}

// dK_j and dV_j start at zero, or at what the earlier query heads of a GQA group left.
template <class Memory, class T>
Tile<T> begin_kv_gradient(Memory& memory, const Head& head, Hbm tensor, const char* name,
                          MatrixView<T> target) {
  if (!head.first_of_group) return memory.load(tensor, target);
  auto tile = memory.tile_for(name, target);
  tile.mat().setZero();
  return tile;
}

template <class T>
struct BackwardOperands {
  const Tile<const T>&q, &k, &v, &dout;
  MatrixView<const T> delta;  // in SRAM
};

// Recomputes the tile's scores into p, lets weights() turn them into P, and adds the tile's part to dq, dk,
// dv.
template <class Memory, class T, class Weights>
void backward_tile(Memory& memory, const Head& head, Rows i, Rows j, const BackwardOperands<T>& in,
                   Weights weights, Tile<T>& p, Tile<T>& dq, Tile<T>& dk, Tile<T>& dv) {
  const Index size = i.size * j.size;
  p.mat().noalias() = static_cast<T>(head.scale) * in.q.mat() * in.k.mat().transpose();
  memory.count(Flop::matmul, 2 * size * head.head_dim);
  memory.count(Flop::other, size);
  std::optional<Tile<T>> capped;  // the capped scores, kept for their derivative
  if (head.softcap != 0) {
    apply_softcap(memory, head, p);
    capped.emplace(memory.template tile<T>("softcap", i.size, j.size));
    capped->mat() = p.mat();
  }
  apply_bias_and_mask(memory, head, i, j, p);
  weights();
  clear_hidden(head, i, j, p);

  auto dp = memory.template tile<T>("dP", i.size, j.size);
  if (head.dropout.p != 0) {  // dV takes the dropped P; dP passes the same mask
    dp.mat() = p.mat();
    apply_dropout(memory, head, i, j, dp);
    add_product<Side::queries>(memory, head, i, j, dp.mat(), in.dout.mat(), dv.mat(), T(1));
  } else {
    add_product<Side::queries>(memory, head, i, j, p.mat(), in.dout.mat(), dv.mat(), T(1));
  }
  dp.mat().noalias() = in.dout.mat() * in.v.mat().transpose();
  memory.count(Flop::matmul, 2 * size * head.head_dim_v);
  apply_dropout(memory, head, i, j, dp);
  softmax_backward(memory, head, i, j, p, in.delta, dp);
  if (capped) softcap_backward(memory, head, i, j, *capped, dp);

  const T scale = static_cast<T>(head.scale);
  add_product<Side::keys>(memory, head, i, j, dp.mat(), in.k.mat(), dq.mat(), scale);
  add_product<Side::queries>(memory, head, i, j, dp.mat(), in.q.mat(), dk.mat(), scale);
}

}  // namespace attnlab::attention
