// Softmax by its definition: Milakov & Gimelshein, "Online normalizer calculation for softmax" (2018),
// Algorithm 1. Per element 2 loads and 1 store.
//
// It overflows: exp(x) is inf from x = 88.8 in float and 709.8 in double, and inf / inf is NaN. It underflows
// too: a row whose exponentials are all 0 becomes 0 / 0 = NaN, and so does a row of -inf.
#pragma once

#include <cmath>

#include "reference/core/blocks.h"
#include "reference/core/two_level_memory.h"
#include "reference/softmax/algorithm.h"

namespace attnlab::softmax {

// x -> y, [1, V] each, in pieces of Bc elements.
template <class Memory, class T>
void naive(Memory& memory, MatrixView<const std::type_identity_t<T>> x, MatrixView<T> y, Index bc) {
  auto d = memory.template tile<T>("d", 1, 1);
  d(0) = 0;
  for (const Rows j : blocks(x.cols, bc)) {
    const auto piece = memory.load(Hbm::x, x.block({0, 1}, j));
    for (Index c = 0; c < j.size; ++c) d(0) += std::exp(piece(0, c));
    memory.count(Flop::exp, j.size);
    memory.count(Flop::other, j.size);
  }
  for (const Rows j : blocks(x.cols, bc)) {
    auto piece = memory.tile_for("y", y.block({0, 1}, j));
    memory.load_into(Hbm::x, x.block({0, 1}, j), piece);
    for (Index c = 0; c < j.size; ++c) piece(0, c) = std::exp(piece(0, c)) / d(0);
    memory.count(Flop::exp, j.size);
    memory.count(Flop::other, j.size);
    memory.store(Hbm::y, y.block({0, 1}, j), piece);
  }
}

template <>
struct Text<Algorithm::naive> {
  static constexpr AlgorithmInfo row{.name = "naive",
                                     .title = "Softmax without the maximum: overflows",
                                     .paper = "Milakov and Gimelshein 2018, Algorithm 1",
                                     .loads = 2,
                                     .stores = 1};

  template <class Memory, class T>
  static void forward(Memory& memory, MatrixView<const T> x, MatrixView<T> y, Index bc) {
    naive(memory, x, y, bc);
  }
};

}  // namespace attnlab::softmax
