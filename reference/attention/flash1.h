// FlashAttention: Dao et al., "FlashAttention: Fast and Memory-Efficient Exact Attention with IO-Awareness"
// (2022), Algorithm 2 (forward; Algorithm 1 is its plain form), Algorithm 4 (backward), and Algorithm 5
// (block-sparse forward: the same loops, tiles left out by a block mask). Loops in the paper's order: K and V
// outside, Q and O inside, O, l and m through HBM at every outer step.
//
// On one point the text and the paper's own measurement differ. Line 2 of the text initialises O, l, m (and
// dQ) in HBM and every inner step reads them back; the HBM traffic printed in Figure 2 is that of a kernel
// that starts them in SRAM at the first outer step, and computes D = rowsum(dO o O) once. Initialise::in_sram
// is that kernel, Initialise::in_hbm the letter.
#pragma once

#include "reference/attention/algorithm.h"
#include "reference/attention/backward_tile.h"
#include "reference/attention/softmax_state.h"
#include "reference/attention/workspace.h"

namespace attnlab::attention {

enum class Initialise { in_sram, in_hbm };

// The first column block that reaches row block ib; the number of column blocks when none does.
inline Index first_tile(const BlockMask& block_mask, Index ib) {
  return block_mask.dense() ? 0 : block_mask.first_col(ib);
}

// Algorithm 5 line 8: looks the tile up in the block mask, which lies in HBM.
template <class Memory>
bool tile_exists(Memory& memory, const BlockMask& block_mask, Index ib, Index jb) {
  if (block_mask.dense()) return true;
  const std::uint8_t* entry = block_mask.data + ib * block_mask.col_blocks + jb;
  return memory.load(Hbm::block_mask, MatrixView<const std::uint8_t>{entry, 1, 1, 1})(0) != 0;
}

template <class Memory, class T>
void store_state(Memory& memory, const Outputs<T>& out, Rows i, const Tile<T>& m, const Tile<T>& l,
                 const Tile<T>& o) {
  memory.store(Hbm::O, out.o.middle(i), o);
  memory.store(Hbm::l, out.l.middle(i), l);
  memory.store(Hbm::m, out.m.middle(i), m);
}

// Lines 10 to 15 of Algorithm 2 for one tile: P~ from its own maximum m~, the new m and l, and O rescaled to
// stay normalised.
template <class Memory, class T>
void absorb_normalised(Memory& memory, const Head& head, Rows i, Rows j, Tile<T>& s, const Tile<const T>& v,
                       Tile<T>& m, Tile<T>& l, Tile<T>& o) {
  for (Index r = 0; r < i.size; ++r) {
    const T m_tile = softmax::max_row(s.row(r), j.size);
    const T l_tile = softmax::exp_row(s.row(r), j.size, m_tile);
    const T m_new = std::max(m_tile, m(r));
    const T old = softmax::exp_diff(m(r), m_new) * l(r), fresh = softmax::exp_diff(m_tile, m_new);
    const T l_new = old + fresh * l_tile;
    const T norm = l_new == T(0) ? T(0) : T(1) / l_new;  // no key yet: O stays 0
    o.mat().row(r) *= old * norm;
    s.mat().row(r) *= fresh * norm;
    m(r) = m_new;
    l(r) = l_new;
  }
  memory.count(Flop::exp, i.size * j.size + 2 * i.size);
  memory.count(Flop::other, 4 * i.size * j.size + 7 * i.size + i.size * o.cols());
  apply_dropout(memory, head, i, j, s);
  add_product<Side::keys>(memory, head, i, j, s.mat(), v.mat(), o.mat(), T(1));
}

template <class Memory, class T>
void flash1_forward(Memory& memory, const Head& head, const Inputs<T>& in, const Outputs<T>& out, Tiles tiles,
                    Initialise initialise, const BlockMask& block_mask = {}) {
  const Blocks rows = blocks(head.seqlen_q, tiles.br), cols = blocks(head.seqlen_kv, tiles.bc);
  for (Index ib = 0; ib < rows.last(); ++ib) {  // line 2; in_sram only for rows that no tile reaches
    if (initialise == Initialise::in_sram && first_tile(block_mask, ib) < cols.last()) continue;
    const Rows i = rows.block(ib);
    auto m = memory.tile_for("m", out.m.middle(i)), l = memory.tile_for("l", out.l.middle(i));
    auto o = memory.tile_for("O", out.o.middle(i));
    begin_softmax(head, m, l, o);
    store_state(memory, out, i, m, l, o);
  }
  for (Index jb = 0; jb < cols.last(); ++jb) {
    const Rows j = cols.block(jb);
    const auto k = memory.load(Hbm::K, in.k.middle(j)), v = memory.load(Hbm::V, in.v.middle(j));
    for (Index ib = 0; ib < rows.last(); ++ib) {
      if (!tile_exists(memory, block_mask, ib, jb)) continue;
      const Rows i = rows.block(ib);
      const bool first = initialise == Initialise::in_sram && first_tile(block_mask, ib) == jb;
      const auto q = memory.load(Hbm::Q, in.q.middle(i));
      auto o = first ? memory.tile_for("O", out.o.middle(i)) : memory.load(Hbm::O, out.o.middle(i));
      auto m = first ? memory.tile_for("m", out.m.middle(i)) : memory.load(Hbm::m, out.m.middle(i));
      auto l = first ? memory.tile_for("l", out.l.middle(i)) : memory.load(Hbm::l, out.l.middle(i));
      if (first) begin_softmax(head, m, l, o);
      auto s = memory.template tile<T>("S", i.size, j.size);
      scores(memory, head, q, k, i, j, s);
      absorb_normalised(memory, head, i, j, s, v, m, l, o);
      store_state(memory, out, i, m, l, o);
    }
  }
}

template <class Memory, class T>
void flash1_backward(Memory& memory, const Head& head, const Inputs<T>& in, const Saved<T>& saved,
                     const Gradients<T>& grad, Tiles tiles, Initialise initialise,
                     const BlockMask& block_mask = {}) {
  const Blocks rows = blocks(head.seqlen_q, tiles.br), cols = blocks(head.seqlen_kv, tiles.bc);
  for (Index ib = 0; ib < rows.last(); ++ib) {
    if (initialise == Initialise::in_sram && first_tile(block_mask, ib) < cols.last()) continue;
    zero(memory, Hbm::dQ, "dQ", grad.dq.middle(rows.block(ib)));
  }
  for (Index jb = 0; jb < cols.last(); ++jb) {
    const Rows j = cols.block(jb);
    const auto k = memory.load(Hbm::K, in.k.middle(j)), v = memory.load(Hbm::V, in.v.middle(j));
    auto dk = begin_kv_gradient(memory, head, Hbm::dK, "dK", grad.dk.middle(j));
    auto dv = begin_kv_gradient(memory, head, Hbm::dV, "dV", grad.dv.middle(j));
    for (Index ib = 0; ib < rows.last(); ++ib) {
      if (!tile_exists(memory, block_mask, ib, jb)) continue;
      const Rows i = rows.block(ib);
      const bool first = initialise == Initialise::in_sram && first_tile(block_mask, ib) == jb;
      const auto q = memory.load(Hbm::Q, in.q.middle(i)), dout = memory.load(Hbm::dO, saved.dout.middle(i));
      const auto m = memory.load(Hbm::m, saved.m.middle(i)), l = memory.load(Hbm::l, saved.l.middle(i));
      auto dq = begin_dq(memory, first, grad.dq.middle(i));
      auto delta = memory.template tile<T>("delta", i.size, 1);
      if (first || initialise == Initialise::in_hbm) {
        const auto o = memory.load(Hbm::O, saved.o.middle(i));
        row_dots(memory, o, dout, delta);
        if (first) memory.store(Hbm::delta, saved.delta.middle(i), delta);
      } else {
        const auto known = memory.load(Hbm::delta, saved.delta.middle(i));
        delta.mat() = known.mat();
      }
      auto p = memory.template tile<T>("P", i.size, j.size);
      const auto weights = [&] {  // P = diag(l)^-1 exp(S - m)
        for (Index r = 0; r < i.size; ++r) {
          softmax::exp_row(p.row(r), j.size, m(r));
          p.mat().row(r) *= l(r) == T(0) ? T(0) : T(1) / l(r);
        }
        memory.count(Flop::exp, i.size * j.size);
        memory.count(Flop::other, 2 * i.size * j.size + i.size);
      };
      backward_tile(memory, head, i, j, {q, k, v, dout, delta.view()}, weights, p, dq, dk, dv);
      memory.store(Hbm::dQ, grad.dq.middle(i), dq);
    }
    memory.store(Hbm::dK, grad.dk.middle(j), dk);
    memory.store(Hbm::dV, grad.dv.middle(j), dv);
  }
}

// The algorithm on one head. It keeps m and l; lse is made of them after its own end.
template <Initialise kInitialise>
struct Flash1Text {
  template <class Memory, class T>
  static void forward(Memory& memory, const Head& head, const Inputs<T>& in, Outputs<T> out,
                      const HeadPlan& plan, Workspace<T>& workspace) {
    out.m = workspace.matrix(memory, Hbm::m, head.seqlen_q, 1);
    out.l = workspace.matrix(memory, Hbm::l, head.seqlen_q, 1);
    flash1_forward(memory, head, in, out, plan.tiles, kInitialise, plan.block_mask);
    for (Index r = 0; r < head.seqlen_q; ++r) out.lse(r, 0) = softmax::lse(out.m(r, 0), out.l(r, 0));
  }

  template <class Memory, class T>
  static void backward(Memory& memory, const Head& head, const Inputs<T>& in, Saved<T> saved,
                       const Gradients<T>& grad, const HeadPlan& plan, Workspace<T>& workspace) {
    Direct direct;
    const auto l = workspace.matrix(direct, Hbm::l, head.seqlen_q, 1);
    for (Index r = 0; r < head.seqlen_q; ++r) l(r, 0) = saved.lse(r, 0) == kNegInf<T> ? T(0) : T(1);
    saved.l = l;
    saved.delta = workspace.matrix(memory, Hbm::delta, head.seqlen_q, 1);
    flash1_backward(memory, head, in, saved, grad, plan.tiles, kInitialise, plan.block_mask);
  }
};

template <>
struct Text<Algorithm::flash1> : Flash1Text<Initialise::in_sram> {
  static constexpr AlgorithmInfo row{
      .name = "flash1",
      .title = "FlashAttention",
      .paper = "Dao et al. 2022, Algorithms 1, 2 and 4; HBM traffic as in Figure 2"};
};

template <>
struct Text<Algorithm::flash1_literal> : Flash1Text<Initialise::in_hbm> {
  static constexpr AlgorithmInfo row{.name = "flash1-literal",
                                     .title = "FlashAttention, to the letter: O, l, m, dQ initialised in HBM",
                                     .paper = "Dao et al. 2022, Algorithms 1, 2 and 4"};
};

template <>
struct Text<Algorithm::blocksparse> : Flash1Text<Initialise::in_sram> {
  static constexpr AlgorithmInfo row{.name = "blocksparse",
                                     .title = "Block-sparse FlashAttention",
                                     .paper = "Dao et al. 2022, Algorithm 5",
                                     .block_mask = true};
};

}  // namespace attnlab::attention
