// FlashAttention-2: Dao, "FlashAttention-2: Faster Attention with Better Parallelism and Work Partitioning"
// (2023), Algorithms 1 (forward) and 2 (backward), with the block skipping of section 3.1: tiles that the
// band hides are never loaded, tiles that it shows whole are not masked.
#pragma once

#include "reference/attention/algorithm.h"
#include "reference/attention/backward_tile.h"
#include "reference/attention/softmax_state.h"
#include "reference/attention/workspace.h"

namespace attnlab::attention {

// Absorbs a tile of scores and its values into the running (m, l, o) of each row. s becomes the weights P.
template <class Memory, class T>
void absorb(Memory& memory, const Head& head, Rows i, Rows j, Tile<T>& s, const Tile<const T>& v, Tile<T>& m,
            Tile<T>& l, Tile<T>& o) {
  for (Index r = 0; r < i.size; ++r) {
    const T row_max = softmax::max_row(s.row(r), j.size);
    const T m_new = std::max(row_max, m(r));
    const T rescale = softmax::exp_diff(m(r), m_new);
    l(r) = rescale * l(r) + softmax::exp_row(s.row(r), j.size, m_new);
    if (rescale != T(1)) o.mat().row(r) *= rescale;
    m(r) = m_new;
  }
  memory.count(Flop::exp, i.size * j.size + i.size);
  memory.count(Flop::other, 3 * i.size * j.size + 2 * i.size + i.size * o.cols());
  apply_dropout(memory, head, i, j, s);
  add_product<Side::keys>(memory, head, i, j, s.mat(), v.mat(), o.mat(), T(1));
}

template <class Memory, class T>
void flash2_forward(Memory& memory, const Head& head, const Inputs<T>& in, const Outputs<T>& out,
                    Tiles tiles) {
  for (const Rows i : blocks(head.seqlen_q, tiles.br)) {
    const auto q = memory.load(Hbm::Q, in.q.middle(i));
    auto m = memory.template tile<T>("m", i.size, 1), l = memory.template tile<T>("l", i.size, 1);
    auto o = memory.tile_for("O", out.o.middle(i));
    begin_softmax(head, m, l, o);
    for (const Rows j : visible_col_blocks(head, i, tiles.bc)) {
      const auto k = memory.load(Hbm::K, in.k.middle(j));
      auto s = memory.template tile<T>("S", i.size, j.size);
      scores(memory, head, q, k, i, j, s);
      const auto v = memory.load(Hbm::V, in.v.middle(j));
      absorb(memory, head, i, j, s, v, m, l, o);
    }
    finish_softmax(memory, m, l, o);
    memory.store(Hbm::O, out.o.middle(i), o);
    memory.store(Hbm::lse, out.lse.middle(i), l);
  }
}

template <class Memory, class T>
void flash2_backward(Memory& memory, const Head& head, const Inputs<T>& in, const Saved<T>& saved,
                     const Gradients<T>& grad, Tiles tiles) {
  for (const Rows i : blocks(head.seqlen_q, tiles.br)) {  // D = rowsum(dO o O), Algorithm 2 line 4
    const auto o = memory.load(Hbm::O, saved.o.middle(i)), dout = memory.load(Hbm::dO, saved.dout.middle(i));
    auto delta = memory.tile_for("delta", saved.delta.middle(i));
    row_dots(memory, o, dout, delta);
    memory.store(Hbm::delta, saved.delta.middle(i), delta);
  }
  for (const Rows i : blocks(head.seqlen_q, tiles.br)) {  // line 3, where no tile below will
    if (visible_col_blocks(head, i, tiles.bc).empty()) zero(memory, Hbm::dQ, "dQ", grad.dq.middle(i));
  }
  const Index col_blocks = ceil_div(head.seqlen_kv, tiles.bc);
  for (Index jb = 0; jb < col_blocks; ++jb) {
    const Rows j = blocks(head.seqlen_kv, tiles.bc).block(jb);
    auto dk = begin_kv_gradient(memory, head, Hbm::dK, "dK", grad.dk.middle(j));
    auto dv = begin_kv_gradient(memory, head, Hbm::dV, "dV", grad.dv.middle(j));
    const Blocks rows = visible_row_blocks(head, j, tiles.br);
    if (!rows.empty()) {
      const auto k = memory.load(Hbm::K, in.k.middle(j)), v = memory.load(Hbm::V, in.v.middle(j));
      for (const Rows i : rows) {
        const auto q = memory.load(Hbm::Q, in.q.middle(i)), dout = memory.load(Hbm::dO, saved.dout.middle(i));
        const auto delta = memory.load(Hbm::delta, saved.delta.middle(i));
        const auto lse = memory.load(Hbm::lse, saved.lse.middle(i));
        auto p = memory.template tile<T>("P", i.size, j.size);
        const bool first = visible_col_blocks(head, i, tiles.bc).first() == jb;
        auto dq = begin_dq(memory, first, grad.dq.middle(i));
        const auto weights = [&] {  // P = exp(S - lse)
          for (Index r = 0; r < i.size; ++r) softmax::exp_row(p.row(r), j.size, lse(r));
          memory.count(Flop::exp, i.size * j.size);
          memory.count(Flop::other, i.size * j.size);
        };
        backward_tile(memory, head, i, j, {q, k, v, dout, delta.view()}, weights, p, dq, dk, dv);
        memory.store(Hbm::dQ, grad.dq.middle(i), dq);
      }
    }
    memory.store(Hbm::dK, grad.dk.middle(j), dk);
    memory.store(Hbm::dV, grad.dv.middle(j), dv);
  }
}

template <>
struct Text<Algorithm::flash2> {
  static constexpr AlgorithmInfo row{.name = "flash2",
                                     .title = "FlashAttention-2",
                                     .paper = "Dao 2023, Algorithms 1 and 2",
                                     .skips_hidden_tiles = true};

  template <class Memory, class T>
  static void forward(Memory& memory, const Head& head, const Inputs<T>& in, const Outputs<T>& out,
                      const HeadPlan& plan, Workspace<T>&) {
    flash2_forward(memory, head, in, out, plan.tiles);
  }

  template <class Memory, class T>
  static void backward(Memory& memory, const Head& head, const Inputs<T>& in, Saved<T> saved,
                       const Gradients<T>& grad, const HeadPlan& plan, Workspace<T>& workspace) {
    saved.delta = workspace.matrix(memory, Hbm::delta, head.seqlen_q, 1);
    flash2_backward(memory, head, in, saved, grad, plan.tiles);
  }
};

}  // namespace attnlab::attention
