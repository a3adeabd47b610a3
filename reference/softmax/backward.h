// The backward pass of softmax: dx = y o (dy - sum(y dy)), the product of dy with the Jacobian diag(y) - y
// y^T (FlashAttention, 2022, appendix B.2). Per element 4 loads and 1 store.
#pragma once

#include "reference/core/blocks.h"
#include "reference/core/two_level_memory.h"

namespace attnlab::softmax {

// y, dy -> dx, [1, V] each, in pieces of Bc elements.
template <class Memory, class T>
void backward(Memory& memory, MatrixView<const std::type_identity_t<T>> y,
              MatrixView<const std::type_identity_t<T>> dy, MatrixView<T> dx, Index bc) {
  auto delta = memory.template tile<T>("delta", 1, 1);
  delta(0) = 0;
  for (const Rows j : blocks(y.cols, bc)) {
    const auto y_j = memory.load(Hbm::y, y.block({0, 1}, j));
    const auto dy_j = memory.load(Hbm::dy, dy.block({0, 1}, j));
    delta(0) += y_j.mat().row(0).dot(dy_j.mat().row(0));
    memory.count(Flop::other, 2 * j.size);
  }
  for (const Rows j : blocks(y.cols, bc)) {
    const auto y_j = memory.load(Hbm::y, y.block({0, 1}, j));
    auto dx_j = memory.tile_for("dx", dx.block({0, 1}, j));
    memory.load_into(Hbm::dy, dy.block({0, 1}, j), dx_j);
    dx_j.mat().array() = y_j.mat().array() * (dx_j.mat().array() - delta(0));
    memory.count(Flop::other, 2 * j.size);
    memory.store(Hbm::dx, dx.block({0, 1}, j), dx_j);
  }
}

}  // namespace attnlab::softmax
