// Runs an algorithm on one head, on any Memory.
#pragma once

#include "reference/attention/algorithms.h"

namespace attnlab::attention {

// Computes o and lse of one head.
template <class Memory, class T>
void forward_head(Memory& memory, const HeadPlan& plan, const Head& head, const Inputs<T>& in,
                  MatrixView<T> o, MatrixView<T> lse, Workspace<T>& workspace) {
  memory.undefined(Hbm::O, o);
  memory.undefined(Hbm::lse, lse);
  with_enumerator(plan.algorithm, [&]<Algorithm kAlgorithm>() {
    Text<kAlgorithm>::forward(memory, head, in, Outputs<T>{o, {}, {}, lse}, plan, workspace);
  });
}

// Computes the gradients of one head from o, lse and dout, by an algorithm that has a backward pass.
// FlashAttention-1 reads m and l: (lse, 1) is such a pair.
template <class Memory, class T>
void backward_head(Memory& memory, const HeadPlan& plan, const Head& head, const Inputs<T>& in,
                   MatrixView<const T> o, MatrixView<const T> lse, MatrixView<const T> dout,
                   const Gradients<T>& grad, Workspace<T>& workspace) {
  memory.undefined(Hbm::dQ, grad.dq);
  if (head.first_of_group) {
    memory.undefined(Hbm::dK, grad.dk);
    memory.undefined(Hbm::dV, grad.dv);
  }
  with_enumerator(plan.algorithm, [&]<Algorithm kAlgorithm>() {
    if constexpr (HasBackward<kAlgorithm>) {
      const Saved<T> saved{o, dout, lse, {}, lse, {}};
      Text<kAlgorithm>::backward(memory, head, in, saved, grad, plan, workspace);
    } else {
      throw std::logic_error("an algorithm without a backward pass");
    }
  });
}

}  // namespace attnlab::attention
