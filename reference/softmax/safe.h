// Softmax in three passes, safe from overflow: Milakov & Gimelshein, "Online normalizer calculation for
// softmax" (2018), Algorithm 2. Per element 3 loads and 1 store.
#pragma once

#include "reference/core/blocks.h"
#include "reference/core/two_level_memory.h"
#include "reference/softmax/algorithm.h"
#include "reference/softmax/row.h"

namespace attnlab::softmax {

// y_j = exp(x_j - m) / d, the last pass of safe and online softmax. A row of -inf gives y = 0.
template <class Memory, class T>
void divide_pass(Memory& memory, MatrixView<const T> x, MatrixView<T> y, Index bc, T m, T d) {
  for (const Rows j : blocks(x.cols, bc)) {
    auto piece = memory.tile_for("y", y.block({0, 1}, j));
    memory.load_into(Hbm::x, x.block({0, 1}, j), piece);
    exp_row(piece.row(0), j.size, m);
    if (d != T(0)) piece.mat() /= d;
    memory.count(Flop::exp, j.size);
    memory.count(Flop::other, 2 * j.size);
    memory.store(Hbm::y, y.block({0, 1}, j), piece);
  }
}

// x -> y, [1, V] each, in pieces of Bc elements.
template <class Memory, class T>
void safe(Memory& memory, MatrixView<const std::type_identity_t<T>> x, MatrixView<T> y, Index bc) {
  auto m = memory.template tile<T>("m", 1, 1), d = memory.template tile<T>("d", 1, 1);
  m(0) = kNegInf<T>;
  for (const Rows j : blocks(x.cols, bc)) {
    const auto piece = memory.load(Hbm::x, x.block({0, 1}, j));
    m(0) = maximum(m(0), max_row(piece.row(0), j.size));
    memory.count(Flop::other, j.size);
  }
  d(0) = 0;
  for (const Rows j : blocks(x.cols, bc)) {
    const auto piece = memory.load(Hbm::x, x.block({0, 1}, j));
    d(0) += sum_exp_row(piece.row(0), j.size, m(0));
    memory.count(Flop::exp, j.size);
    memory.count(Flop::other, 2 * j.size);
  }
  divide_pass(memory, x, y, bc, m(0), d(0));
}

template <>
struct Text<Algorithm::safe> {
  static constexpr AlgorithmInfo row{.name = "safe",
                                     .title = "Safe softmax, three passes",
                                     .paper = "Milakov and Gimelshein 2018, Algorithm 2",
                                     .loads = 3,
                                     .stores = 1};

  template <class Memory, class T>
  static void forward(Memory& memory, MatrixView<const T> x, MatrixView<T> y, Index bc) {
    safe(memory, x, y, bc);
  }
};

}  // namespace attnlab::softmax
