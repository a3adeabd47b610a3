// Memory-efficient attention: Rabe and Staats, "Self-attention Does Not Need O(n^2) Memory" (2021, arXiv
// 2112.05682), section 3 and Figure 1. Queries and keys come in chunks. Each chunk of keys gives a summary of
// its own: m = max s, l = sum exp(s - m), o = sum exp(s - m) v. Summaries are rescaled to their common maximum
// and added, and one division ends a chunk of queries.
//
// The paper's program maps over the chunks of keys and keeps all their summaries to the end. Here a summary is
// merged into the running one at once: the same sums, with room for two summaries however many chunks there
// are. FlashAttention-2 (flash2.h) has the same order of loops and no summary per chunk: it rescales o before
// it adds a tile, and leaves out hidden tiles.
#pragma once

#include "reference/attention/algorithm.h"
#include "reference/attention/operands.h"
#include "reference/attention/softmax_state.h"
#include "reference/attention/workspace.h"

namespace attnlab::attention {

// The summary of one chunk of keys, from its scores and values. s becomes the weights exp(s - m).
template <class Memory, class T>
void summarise_chunk(Memory& memory, const Head& head, Rows i, Rows j, Tile<T>& s, const Tile<const T>& v,
                     Tile<T>& m, Tile<T>& l, Tile<T>& o) {
  for (Index r = 0; r < i.size; ++r) {
    m(r) = softmax::max_row(s.row(r), j.size);
    l(r) = softmax::exp_row(s.row(r), j.size, m(r));
  }
  memory.count(Flop::exp, i.size * j.size);
  memory.count(Flop::other, 3 * i.size * j.size);
  apply_dropout(memory, head, i, j, s);
  o.mat().setZero();
  add_product<Side::keys>(memory, head, i, j, s.mat(), v.mat(), o.mat(), T(1));
}

// Adds a chunk's summary (m_j, l_j, o_j) to the running one.
template <class Memory, class T>
void merge_summary(Memory& memory, const Tile<T>& m_j, const Tile<T>& l_j, const Tile<T>& o_j, Tile<T>& m,
                   Tile<T>& l, Tile<T>& o) {
  for (Index r = 0; r < o.rows(); ++r) {
    const T m_new = softmax::maximum(m(r), m_j(r));
    const T before = softmax::exp_diff(m(r), m_new), chunk = softmax::exp_diff(m_j(r), m_new);
    l(r) = before * l(r) + chunk * l_j(r);
    o.mat().row(r) = before * o.mat().row(r) + chunk * o_j.mat().row(r);
    m(r) = m_new;
  }
  memory.count(Flop::exp, 2 * o.rows());
  memory.count(Flop::other, 4 * o.rows() + 3 * o.rows() * o.cols());
}

template <class Memory, class T>
void memory_efficient_forward(Memory& memory, const Head& head, const Inputs<T>& in, const Outputs<T>& out,
                              Tiles chunks) {
  for (const Rows i : blocks(head.seqlen_q, chunks.br)) {
    const auto q = memory.load(Hbm::Q, in.q.middle(i));
    auto m = memory.template tile<T>("m", i.size, 1), l = memory.template tile<T>("l", i.size, 1);
    auto o = memory.tile_for("O", out.o.middle(i));
    begin_softmax(head, m, l, o);
    for (const Rows j : blocks(head.seqlen_kv, chunks.bc)) {
      auto m_j = memory.template tile<T>("m_j", i.size, 1), l_j = memory.template tile<T>("l_j", i.size, 1);
      auto o_j = memory.template tile<T>("O_j", i.size, head.head_dim_v);
      const auto k = memory.load(Hbm::K, in.k.middle(j));
      auto s = memory.template tile<T>("S", i.size, j.size);
      scores(memory, head, q, k, i, j, s);
      const auto v = memory.load(Hbm::V, in.v.middle(j));
      summarise_chunk(memory, head, i, j, s, v, m_j, l_j, o_j);
      merge_summary(memory, m_j, l_j, o_j, m, l, o);
    }
    finish_softmax(memory, m, l, o);
    memory.store(Hbm::O, out.o.middle(i), o);
    memory.store(Hbm::lse, out.lse.middle(i), l);
  }
}

template <>
struct Text<Algorithm::memory_efficient> {
  static constexpr AlgorithmInfo row{.name = "memory-efficient",
                                     .title = "Memory-efficient attention, a summary per chunk of keys",
                                     .paper = "Rabe and Staats 2021, section 3 and Figure 1"};

  template <class Memory, class T>
  static void forward(Memory& memory, const Head& head, const Inputs<T>& in, const Outputs<T>& out,
                      const HeadPlan& plan, Workspace<T>&) {
    memory_efficient_forward(memory, head, in, out, plan.tiles);
  }
};

}  // namespace attnlab::attention
