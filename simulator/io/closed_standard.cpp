#include "simulator/io/closed_standard.h"

#include "simulator/io/closed_steps.h"

namespace attnlab::io {

using attention::Algorithm;
using attention::BlockMask;
using attention::Head;
using attention::Tiles;

namespace {

// One elementwise pass over a matrix in HBM.
void add_pass(Traffic& t, Hbm from, Hbm to, const TileSums& all) {
  t.load(from) += all.area();
  t.store(to) += all.area();
}

// The matmuls of standard.h: a panel of Bc rows of one operand stays while the other streams past, once a
// panel.
struct Products {
  const TileSums& all;
  Count nq, nk, panels, r, c;
  Traffic& t;

  void nt(Hbm a, Hbm b, Hbm out, Count dim) {  // [nq, dim] x [nk, dim]^T
    t.load(b) += nk * dim;
    t.load(a) += panels * nq * dim;
    t.store(out) += nq * nk;
    t.flop(Flop::matmul) += 2 * nq * nk * dim;
    if (panels > 0) t.peak(c * dim + r * dim + r * c);
  }
  void nn(Hbm w, Hbm b, Hbm out, Count dim) {  // [nq, nk] x [nk, dim]
    if (panels == 0) {
      t.store(out) += nq * dim;
      t.peak(r * dim);
      return;
    }
    t.load(b) += nk * dim;
    t.load(w) += nq * nk;
    t.load(out) += (panels - 1) * nq * dim;
    t.store(out) += panels * nq * dim;
    t.flop(Flop::matmul) += 2 * nq * nk * dim;
    t.peak(c * dim + r * dim + r * c);
  }
  void tn(Hbm w, Hbm b, Hbm out, Count dim, bool accumulate) {  // [nq, nk]^T x [nq, dim]
    t.load(w) += nq * nk;
    t.load(b) += panels * nq * dim;
    if (accumulate) t.load(out) += nk * dim;
    t.store(out) += nk * dim;
    t.flop(Flop::matmul) += 2 * nq * nk * dim;
    if (panels > 0) t.peak(c * dim + r * c + r * dim);
  }
};

Products products(Traffic& t, const Head& head, const TileSums& all) {
  return {all,
          u(head.seqlen_q),
          u(head.seqlen_kv),
          u(all.col_blocks),
          u(std::min(all.full.br, head.seqlen_q)),
          u(std::min(all.full.bc, head.seqlen_kv)),
          t};
}

}  // namespace

Traffic ClosedForm<Algorithm::standard>::forward(const Head& head, Tiles tiles, const BlockMask&) {
  const TileSums all = dense_tiles(head.seqlen_q, head.seqlen_kv, tiles);
  const Count nq = u(head.seqlen_q), nk = u(head.seqlen_kv), area = all.area();
  Traffic t;
  Products product = products(t, head, all);
  const Count tile = product.r * product.c;
  product.nt(Hbm::Q, Hbm::K, Hbm::S, u(head.head_dim));
  t.flop(Flop::other) += area;  // the scale
  if (head.softcap != 0) {
    add_pass(t, Hbm::S, Hbm::S, all);
    t.flop(Flop::exp) += area;
    t.flop(Flop::other) += 2 * area;
    t.peak(tile);
  }
  Hbm masked = Hbm::S;
  if (needs_mask_pass(head)) {
    if (head.softcap != 0) masked = Hbm::P;
    add_pass(t, Hbm::S, masked, all);
    add_bias_and_mask(t, head, all);
    if (area > 0) t.peak(tile + broadcast_tile(head, product.r, product.c));
  }
  const Index piece = attention::row_piece(tiles);
  const Count passes = head.seqlen_kv <= piece ? 1 : 2;
  t.load(masked) += passes * area;
  t.store(Hbm::P) += area;
  t.store(Hbm::lse) += nq;
  t.flop(Flop::exp) += nq * (passes * nk + 1);
  t.flop(Flop::other) += nq * ((2 * passes + 2) * nk + 1);
  if (nq > 0) t.peak(1 + u(std::min(piece, head.seqlen_kv)));
  Hbm p = Hbm::P;
  if (head.dropout.p != 0) {
    p = Hbm::P_dropped;
    add_pass(t, Hbm::P, p, all);
    t.store(Hbm::dropout_mask) += area;
    t.flop(Flop::other) += area;
    t.peak(2 * tile);
  }
  product.nn(p, Hbm::V, Hbm::O, u(head.head_dim_v));
  add_block_table(t, head, tiles.bc, [](Rows) { return Count{1}; });
  return t;
}

Traffic ClosedForm<Algorithm::standard>::backward(const Head& head, Tiles tiles, const BlockMask&) {
  const TileSums all = dense_tiles(head.seqlen_q, head.seqlen_kv, tiles);
  const Count area = all.area(), d = u(head.head_dim), dv = u(head.head_dim_v);
  const bool accumulate = !head.first_of_group;
  Traffic t;
  Products product = products(t, head, all);
  const Count tile = product.r * product.c;
  product.tn(head.dropout.p != 0 ? Hbm::P_dropped : Hbm::P, Hbm::dO, Hbm::dV, dv, accumulate);
  product.nt(Hbm::dO, Hbm::V, Hbm::dP, dv);
  if (head.dropout.p != 0) {
    add_pass(t, Hbm::dP, Hbm::dP, all);
    t.load(Hbm::dropout_mask) += area;
    t.flop(Flop::other) += area;
    t.peak(2 * tile);
  }
  const Index piece = attention::row_piece(tiles);
  const Count passes = head.seqlen_kv <= piece ? 1 : 2;
  t.load(Hbm::P) += passes * area;
  t.load(Hbm::dP) += passes * area;
  t.store(Hbm::dS) += area;
  t.flop(Flop::other) += 4 * area;
  if (head.seqlen_q > 0) t.peak(2 * u(std::min(piece, head.seqlen_kv)));
  if (head.softcap != 0) {
    add_pass(t, Hbm::dS, Hbm::dS, all);
    t.load(Hbm::S) += area;
    t.flop(Flop::other) += 4 * area;
    t.peak(2 * tile);
  }
  product.nn(Hbm::dS, Hbm::K, Hbm::dQ, d);
  product.tn(Hbm::dS, Hbm::Q, Hbm::dK, d, accumulate);
  return t;
}

}  // namespace attnlab::io
