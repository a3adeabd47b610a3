// Runs an algorithm on one head, on any Memory: the HBM workspaces it needs, and the dispatch from its name.
#pragma once

#include <memory>

#include "reference/attention/attention.h"
#include "reference/attention/flash1.h"
#include "reference/attention/flash2.h"
#include "reference/attention/standard.h"

namespace attnlab::attention {

// HBM workspaces of one head, reused from head to head.
template <class T>
class Workspace {
 public:
  // [rows, cols], contents undefined. A second call for the same tensor gives the same memory.
  template <class Memory>
  MatrixView<T> matrix(Memory& memory, Hbm tensor, Index rows, Index cols) {
    const MatrixView<T> view{buffers_[static_cast<std::size_t>(tensor)].reserve(rows * cols), rows, cols,
                             cols};
    memory.undefined(tensor, view);
    return view;
  }
  MatrixView<std::uint8_t> bytes(Index rows, Index cols) {
    return {bytes_.reserve(rows * cols), rows, cols, cols};
  }

 private:
  template <class Value>
  struct Buffer {
    std::unique_ptr<Value[]> data;
    Index size = -1;
    Value* reserve(Index wanted) {
      if (size < wanted)
        data = std::make_unique_for_overwrite<Value[]>(static_cast<std::size_t>(size = wanted));
      return data.get();
    }
  };
  Buffer<T> buffers_[kHbmCount];
  Buffer<std::uint8_t> bytes_;
};

struct HeadPlan {
  Algorithm algorithm;
  Tiles tiles;
  BlockMask block_mask;

  Initialise initialise() const {
    return algorithm == Algorithm::flash1_literal ? Initialise::in_hbm : Initialise::in_sram;
  }
};

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

// Computes o and lse of one head. lse is always filled, for flash1 from its m and l after the algorithm's own
// end.
template <class Memory, class T>
void forward_head(Memory& memory, const HeadPlan& plan, const Head& head, const Inputs<T>& in,
                  MatrixView<T> o, MatrixView<T> lse, Workspace<T>& workspace) {
  memory.undefined(Hbm::O, o);
  Outputs<T> out{o, {}, {}, lse};
  switch (plan.algorithm) {
    case Algorithm::standard:
      memory.undefined(Hbm::lse, lse);
      return standard_forward(memory, head, in, out, standard_workspace<T>(memory, head, workspace),
                              plan.tiles);
    case Algorithm::flash2:
      memory.undefined(Hbm::lse, lse);
      return flash2_forward(memory, head, in, out, plan.tiles);
    case Algorithm::flash1:
    case Algorithm::flash1_literal:
    case Algorithm::blocksparse:
      out.m = workspace.matrix(memory, Hbm::m, head.seqlen_q, 1);
      out.l = workspace.matrix(memory, Hbm::l, head.seqlen_q, 1);
      flash1_forward(memory, head, in, out, plan.tiles, plan.initialise(), plan.block_mask);
      for (Index r = 0; r < head.seqlen_q; ++r) lse(r, 0) = softmax::lse(out.m(r, 0), out.l(r, 0));
  }
}

// Computes the gradients of one head from o, lse and dout. Standard attention wants the matrices of its
// forward pass: they are recomputed, outside the machine. FlashAttention-1 reads m and l: (lse, 1) is such a
// pair.
template <class Memory, class T>
void backward_head(Memory& memory, const HeadPlan& plan, const Head& head, const Inputs<T>& in,
                   MatrixView<const T> o, MatrixView<const T> lse, MatrixView<const T> dout,
                   const Gradients<T>& grad, Workspace<T>& workspace) {
  memory.undefined(Hbm::dQ, grad.dq);
  if (head.first_of_group) {
    memory.undefined(Hbm::dK, grad.dk);
    memory.undefined(Hbm::dV, grad.dv);
  }
  Saved<T> saved{o, dout, lse, {}, lse, {}};
  switch (plan.algorithm) {
    case Algorithm::standard: {
      Direct direct;
      auto work = standard_workspace<T>(direct, head, workspace);
      const Outputs<T> again{workspace.matrix(direct, Hbm::O, head.seqlen_q, head.head_dim_v),
                             {},
                             {},
                             workspace.matrix(direct, Hbm::lse, head.seqlen_q, 1)};
      standard_forward(direct, head, in, again, work, plan.tiles);
      work.dp = workspace.matrix(memory, Hbm::dP, head.seqlen_q, head.seqlen_kv);
      work.ds = workspace.matrix(memory, Hbm::dS, head.seqlen_q, head.seqlen_kv);
      return standard_backward(memory, head, in, saved, work, grad, plan.tiles);
    }
    case Algorithm::flash2:
      saved.delta = workspace.matrix(memory, Hbm::delta, head.seqlen_q, 1);
      return flash2_backward(memory, head, in, saved, grad, plan.tiles);
    case Algorithm::flash1:
    case Algorithm::flash1_literal:
    case Algorithm::blocksparse: {
      Direct direct;
      const auto l = workspace.matrix(direct, Hbm::l, head.seqlen_q, 1);
      for (Index r = 0; r < head.seqlen_q; ++r) l(r, 0) = lse(r, 0) == kNegInf<T> ? T(0) : T(1);
      saved.l = l;
      saved.delta = workspace.matrix(memory, Hbm::delta, head.seqlen_q, 1);
      flash1_backward(memory, head, in, saved, grad, plan.tiles, plan.initialise(), plan.block_mask);
    }
  }
}

}  // namespace attnlab::attention
