// lse = log(sum exp(x_j)), from the first pass of online softmax. Per element 1 load.
#pragma once

#include "reference/softmax/online.h"

namespace attnlab::softmax {

// x [1, V] -> lse [1, 1], in pieces of Bc elements. -inf for an empty row.
template <class Memory, class T>
void log_sum_exp(Memory& memory, MatrixView<const std::type_identity_t<T>> x, MatrixView<T> lse_out,
                 Index bc) {
  auto m = memory.template tile<T>("m", 1, 1);
  auto d = memory.tile_for("lse", lse_out);
  normaliser_pass(memory, x, bc, m, d);
  d(0) = lse(m(0), d(0));
  memory.count(Flop::exp, 1);
  memory.count(Flop::other, 1);
  memory.store(Hbm::lse, lse_out, d);
}

}  // namespace attnlab::softmax
