// Standard attention: Algorithms 0 (forward, section 2.2) and 3 (backward, appendix B.4) of the
// FlashAttention paper, with S, P, dP and dS materialised in HBM and every pass over them spelled out, as an
// eager framework runs it.
//
// Matmuls keep a panel of Bc rows of K (or V) in SRAM and stream row blocks of Br past it. With one panel (Bc
// >= seqlen_kv) each operand moves once and the traffic is the paper's: 4 N^2 + 4 N d forward, 7 N^2 + 8 N d
// backward; masking adds 2 N^2, dropout 2 N^2 and a mask of a byte an element each way, softcap 2 N^2 forward
// and 3 N^2 backward.
#pragma once

#include "reference/attention/algorithm.h"
#include "reference/attention/backward_tile.h"
#include "reference/attention/workspace.h"
#include "reference/softmax/merge.h"

namespace attnlab::attention {

// What the forward pass leaves in HBM for the backward pass, and what that one adds: [seqlen_q, seqlen_kv]
// each.
template <class T>
struct StandardWorkspace {
  MatrixView<T> s;                        // scores: capped, then masked unless a softcap needs them later
  MatrixView<T> p, p_dropped;             // probabilities; p_dropped only with dropout
  MatrixView<std::uint8_t> dropout_mask;  // 1 = kept
  MatrixView<T> dp, ds;                   // backward only
};

// Applies body(tile, i, j) to every tile of an HBM matrix in place: one read and one write of it.
template <class Memory, class T, class Body>
void pass(Memory& memory, Hbm from, MatrixView<T> source, Hbm to, MatrixView<T> target, Tiles tiles,
          Body body) {
  for (const Rows j : blocks(source.cols, tiles.bc)) {
    for (const Rows i : blocks(source.rows, tiles.br)) {
      if (source.data == target.data) {
        auto tile = memory.load(from, source.block(i, j));
        body(tile, i, j);
        memory.store(to, target.block(i, j), tile);
      } else {
        auto tile = memory.tile_for(kHbmNames[static_cast<int>(to)], target.block(i, j));
        memory.load_into(from, source.block(i, j), tile);
        body(tile, i, j);
        memory.store(to, target.block(i, j), tile);
      }
    }
  }
}

// c = alpha a b^T: a [rows, d] streams past panels of b [cols, d].
template <class Memory, class T, class B>
void product_nt(Memory& memory, Hbm a_name, MatrixView<const T> a, Hbm b_name, const B& b, Hbm c_name,
                MatrixView<T> c, T alpha, Tiles tiles) {
  for (const Rows j : blocks(b.rows, tiles.bc)) {
    const auto panel = memory.load(b_name, b.middle(j));
    for (const Rows i : blocks(a.rows, tiles.br)) {
      const auto x = memory.load(a_name, a.middle(i));
      auto y = memory.tile_for(kHbmNames[static_cast<int>(c_name)], c.block(i, j));
      y.mat().noalias() = alpha * x.mat() * panel.mat().transpose();
      memory.count(Flop::matmul, 2 * i.size * j.size * a.cols);
      memory.store(c_name, c.block(i, j), y);
    }
  }
}

// c = alpha w b: b [cols, d] in panels; c [rows, d] goes through HBM between panels.
template <class Memory, class T, class B>
void product_nn(Memory& memory, const Head& head, Hbm w_name, MatrixView<const T> w, Hbm b_name, const B& b,
                Hbm c_name, MatrixView<T> c, T alpha, Tiles tiles) {
  if (b.rows == 0) {
    for (const Rows i : blocks(c.rows, tiles.br))
      zero(memory, c_name, kHbmNames[static_cast<int>(c_name)], c.middle(i));
  }
  for (const Rows j : blocks(b.rows, tiles.bc)) {
    const auto panel = memory.load(b_name, b.middle(j));
    for (const Rows i : blocks(c.rows, tiles.br)) {
      auto y = j.begin == 0 ? memory.tile_for(kHbmNames[static_cast<int>(c_name)], c.middle(i))
                            : memory.load(c_name, c.middle(i));
      if (j.begin == 0) y.mat().setZero();
      const auto x = memory.load(w_name, w.block(i, j));
      add_product<Side::keys>(memory, head, i, j, x.mat(), panel.mat(), y.mat(), alpha);
      memory.store(c_name, c.middle(i), y);
    }
  }
}

// c (+)= alpha w^T b: panels of c [cols, d] stay in SRAM while w and b [rows, d] stream past.
template <class Memory, class T>
void product_tn(Memory& memory, const Head& head, Hbm w_name, MatrixView<const T> w, Hbm b_name,
                MatrixView<const T> b, Hbm c_name, MatrixView<T> c, T alpha, Tiles tiles) {
  for (const Rows j : blocks(c.rows, tiles.bc)) {
    auto panel = begin_kv_gradient(memory, head, c_name, kHbmNames[static_cast<int>(c_name)], c.middle(j));
    for (const Rows i : blocks(b.rows, tiles.br)) {
      const auto x = memory.load(w_name, w.block(i, j));
      const auto y = memory.load(b_name, b.middle(i));
      add_product<Side::queries>(memory, head, i, j, x.mat(), y.mat(), panel.mat(), alpha);
    }
    memory.store(c_name, c.middle(j), panel);
  }
}

// P = softmax(S), a row at a time. A row that does not fit in SRAM is read twice (online softmax), in pieces
// of Bc.
template <class Memory, class T>
void softmax_pass(Memory& memory, const Head& head, Hbm s_name, MatrixView<T> s, MatrixView<T> p,
                  MatrixView<T> lse, Index piece) {
  const T sink = static_cast<T>(head.sink);
  const Index cols = s.cols;
  for (Index r = 0; r < s.rows; ++r) {
    auto l = memory.tile_for("lse", lse.middle({r, 1}));
    if (cols <= piece) {
      auto row = memory.tile_for("P", p.middle({r, 1}));
      memory.load_into(s_name, s.middle({r, 1}), row);
      const T m = std::max(softmax::max_row(row.row(0), cols), sink);
      const T sum = softmax::exp_row(row.row(0), cols, m) + softmax::exp_diff(sink, m);
      if (sum != T(0)) row.mat() *= T(1) / sum;
      if (!std::isfinite(sum)) clear_hidden(head, {r, 1}, {0, cols}, row);
      l(0) = softmax::lse(m, sum);
      memory.store(Hbm::P, p.middle({r, 1}), row);
    } else {
      T m = sink, sum = sink == kNegInf<T> ? T(0) : T(1);
      for (const Rows j : blocks(cols, piece)) {
        auto part = memory.template tile<T>("S", 1, j.size);
        memory.load_into(s_name, s.block({r, 1}, j), part);
        const T m_new = std::max(softmax::max_row(part.row(0), j.size), m);
        sum = softmax::exp_diff(m, m_new) * sum + softmax::exp_row(part.row(0), j.size, m_new);
        m = m_new;
      }
      for (const Rows j : blocks(cols, piece)) {
        auto part = memory.tile_for("P", p.block({r, 1}, j));
        memory.load_into(s_name, s.block({r, 1}, j), part);
        softmax::exp_row(part.row(0), j.size, m);
        if (sum != T(0)) part.mat() *= T(1) / sum;
        if (!std::isfinite(sum)) clear_hidden(head, {r, 1}, j, part);
        memory.store(Hbm::P, p.block({r, 1}, j), part);
      }
      l(0) = softmax::lse(m, sum);
    }
    memory.store(Hbm::lse, lse.middle({r, 1}), l);
  }
  const Index passes = cols <= piece ? 1 : 2;
  memory.count(Flop::exp, s.rows * (passes * cols + 1));
  memory.count(Flop::other, s.rows * ((2 * passes + 2) * cols + 1));
}

// dS = P o (dP - rowsum(P o dP)); rows that do not fit are read twice. With dropout the sum runs over the
// undropped P, and dP has been masked.
template <class Memory, class T>
void softmax_backward_pass(Memory& memory, const Head& head, MatrixView<const T> p, MatrixView<T> dp,
                           MatrixView<T> ds, Index piece) {
  for (Index r = 0; r < p.rows; ++r) {
    T delta = 0;
    const auto body = [&](Rows j, bool sum, bool write) {
      const Rows i{r, 1};
      const auto weight = memory.load(Hbm::P, p.block(i, j));
      auto grad = memory.tile_for("dS", ds.block(i, j));
      memory.load_into(Hbm::dP, dp.block(i, j), grad);
      clear_hidden(head, i, j, grad);
      if (sum) delta += weight.mat().row(0).dot(grad.mat().row(0));
      if (!write) return;
      softmax_backward(memory, head, i, j, weight, {&delta, 1, 1, 1}, grad);
      memory.store(Hbm::dS, ds.block(i, j), grad);
    };
    if (p.cols <= piece) {
      body({0, p.cols}, true, true);
    } else {
      for (const Rows j : blocks(p.cols, piece)) body(j, true, false);
      for (const Rows j : blocks(p.cols, piece)) body(j, false, true);
    }
  }
  memory.count(Flop::other, 2 * p.rows * p.cols);
}

template <class Memory, class T>
void standard_forward(Memory& memory, const Head& head, const Inputs<T>& in, const Outputs<T>& out,
                      const StandardWorkspace<T>& work, Tiles tiles) {
  const T scale = static_cast<T>(head.scale);
  product_nt<Memory, T>(memory, Hbm::Q, in.q, Hbm::K, in.k, Hbm::S, work.s, scale, tiles);
  memory.count(Flop::other, head.seqlen_q * head.seqlen_kv);
  if (head.softcap != 0) {
    pass(memory, Hbm::S, work.s, Hbm::S, work.s, tiles,
         [&](Tile<T>& s, Rows, Rows) { apply_softcap(memory, head, s); });
  }
  Hbm masked_name = Hbm::S;
  MatrixView<T> masked = work.s;
  if (needs_mask_pass(head)) {
    if (head.softcap != 0)
      masked_name = Hbm::P, masked = work.p;  // the backward pass reads the capped scores
    pass(memory, Hbm::S, work.s, masked_name, masked, tiles,
         [&](Tile<T>& s, Rows i, Rows j) { apply_bias_and_mask(memory, head, i, j, s); });
  }
  softmax_pass(memory, head, masked_name, masked, work.p, out.lse, row_piece(tiles));
  Hbm p_name = Hbm::P;
  MatrixView<T> p = work.p;
  if (head.dropout.p != 0) {
    p_name = Hbm::P_dropped, p = work.p_dropped;
    pass(memory, Hbm::P, work.p, p_name, p, tiles, [&](Tile<T>& tile, Rows i, Rows j) {
      auto kept = memory.tile_for("dropout_mask", work.dropout_mask.block(i, j));
      draw_dropout(head, i, j, kept);
      memory.store(Hbm::dropout_mask, work.dropout_mask.block(i, j), kept);
      multiply_by_mask(memory, head, kept, tile);
    });
  }
  product_nn<Memory, T>(memory, head, p_name, p, Hbm::V, in.v, Hbm::O, out.o, T(1), tiles);
}

// Reads the P (and dropout mask) that standard_forward left in `work`.
template <class Memory, class T>
void standard_backward(Memory& memory, const Head& head, const Inputs<T>& in, const Saved<T>& saved,
                       const StandardWorkspace<T>& work, const Gradients<T>& grad, Tiles tiles) {
  const bool dropout = head.dropout.p != 0;
  const T scale = static_cast<T>(head.scale);
  product_tn<Memory, T>(memory, head, dropout ? Hbm::P_dropped : Hbm::P, dropout ? work.p_dropped : work.p,
                        Hbm::dO, saved.dout, Hbm::dV, grad.dv, T(1), tiles);
  product_nt<Memory, T>(memory, Hbm::dO, saved.dout, Hbm::V, in.v, Hbm::dP, work.dp, T(1), tiles);
  if (dropout) {
    pass(memory, Hbm::dP, work.dp, Hbm::dP, work.dp, tiles, [&](Tile<T>& tile, Rows i, Rows j) {
      const auto kept = memory.load(Hbm::dropout_mask, work.dropout_mask.block(i, j));
      multiply_by_mask(memory, head, kept, tile);
    });
  }
  softmax_backward_pass<Memory, T>(memory, head, work.p, work.dp, work.ds, row_piece(tiles));
  if (head.softcap != 0) {
    pass(memory, Hbm::dS, work.ds, Hbm::dS, work.ds, tiles, [&](Tile<T>& ds, Rows i, Rows j) {
      const auto capped = memory.load(Hbm::S, work.s.block(i, j));
      softcap_backward(memory, head, i, j, capped, ds);
    });
  }
  product_nn<Memory, T>(memory, head, Hbm::dS, work.ds, Hbm::K, in.k, Hbm::dQ, grad.dq, scale, tiles);
  product_tn<Memory, T>(memory, head, Hbm::dS, work.ds, Hbm::Q, in.q, Hbm::dK, grad.dk, scale, tiles);
}

// Where the matrices of standard attention's forward pass live. They keep their contents until the workspace
// is asked for another head's. P takes the place of S, unless the backward pass of a softcap reads S once
// more.
template <class T, class Memory>
StandardWorkspace<T> standard_workspace(Memory& memory, const Head& head, Workspace<T>& workspace) {
  const auto matrix = [&](Hbm tensor) {
    return workspace.matrix(memory, tensor, head.seqlen_q, head.seqlen_kv);
  };
  StandardWorkspace<T> work{matrix(Hbm::S), {}, {}, {}, {}, {}};
  work.p = head.softcap != 0 ? matrix(Hbm::P) : work.s;
  if (head.dropout.p != 0) {
    work.p_dropped = matrix(Hbm::P_dropped);
    work.dropout_mask = workspace.bytes(head.seqlen_q, head.seqlen_kv);
  }
  return work;
}

template <>
struct Text<Algorithm::standard> {
  static constexpr AlgorithmInfo row{.name = "standard",
                                     .title = "Standard attention, S and P materialised",
                                     .paper = "Dao et al. 2022, Algorithms 0 and 3",
                                     .materialises_scores = true,
                                     .cpu_tiles = {64, 0}};

  template <class Memory, class T>
  static void forward(Memory& memory, const Head& head, const Inputs<T>& in, const Outputs<T>& out,
                      const HeadPlan& plan, Workspace<T>& workspace) {
    standard_forward(memory, head, in, out, standard_workspace<T>(memory, head, workspace), plan.tiles);
  }

  // Wants the matrices of the forward pass: they are recomputed, outside the machine.
  template <class Memory, class T>
  static void backward(Memory& memory, const Head& head, const Inputs<T>& in, const Saved<T>& saved,
                       const Gradients<T>& grad, const HeadPlan& plan, Workspace<T>& workspace) {
    Direct direct;
    auto work = standard_workspace<T>(direct, head, workspace);
    const Outputs<T> again{workspace.matrix(direct, Hbm::O, head.seqlen_q, head.head_dim_v),
                           {},
                           {},
                           workspace.matrix(direct, Hbm::lse, head.seqlen_q, 1)};
    standard_forward(direct, head, in, again, work, plan.tiles);
    work.dp = workspace.matrix(memory, Hbm::dP, head.seqlen_q, head.seqlen_kv);
    work.ds = workspace.matrix(memory, Hbm::dS, head.seqlen_q, head.seqlen_kv);
    standard_backward(memory, head, in, saved, work, grad, plan.tiles);
  }
};

}  // namespace attnlab::attention
