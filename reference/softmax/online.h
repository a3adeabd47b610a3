// Softmax in two passes: Milakov & Gimelshein, "Online normalizer calculation for softmax" (2018), Algorithm
// 3. The maximum and the normaliser come from one pass. Per element 2 loads and 1 store.
#pragma once

#include "reference/softmax/safe.h"

namespace attnlab::softmax {

// m = max x_j and d = sum exp(x_j - m) in one pass over x [1, V]: lines 1 to 6, with a piece of Bc elements
// for the paper's one. -inf and 0 for an empty row.
template <class Memory, class T>
void normaliser_pass(Memory& memory, MatrixView<const T> x, Index bc, Tile<T>& m, Tile<T>& d) {
  m(0) = kNegInf<T>;
  d(0) = 0;
  for (const Rows j : blocks(x.cols, bc)) {
    const auto piece = memory.load(Hbm::x, x.block({0, 1}, j));
    const T m_new = maximum(m(0), max_row(piece.row(0), j.size));
    d(0) = d(0) * exp_diff(m(0), m_new) + sum_exp_row(piece.row(0), j.size, m_new);
    m(0) = m_new;
    memory.count(Flop::exp, j.size + 1);
    memory.count(Flop::other, 3 * j.size + 2);
  }
}

// x -> y, [1, V] each, in pieces of Bc elements.
template <class Memory, class T>
void online(Memory& memory, MatrixView<const std::type_identity_t<T>> x, MatrixView<T> y, Index bc) {
  auto m = memory.template tile<T>("m", 1, 1), d = memory.template tile<T>("d", 1, 1);
  normaliser_pass(memory, x, bc, m, d);
  divide_pass(memory, x, y, bc, m(0), d(0));
}

template <>
struct Text<Algorithm::online> {
  static constexpr AlgorithmInfo row{.name = "online",
                                     .title = "Online softmax, two passes",
                                     .paper = "Milakov and Gimelshein 2018, Algorithm 3",
                                     .loads = 2,
                                     .stores = 1};

  template <class Memory, class T>
  static void forward(Memory& memory, MatrixView<const T> x, MatrixView<T> y, Index bc) {
    online(memory, x, y, bc);
  }
};

}  // namespace attnlab::softmax
