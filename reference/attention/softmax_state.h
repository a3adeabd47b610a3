// The beginning and the end of an online softmax over the keys of a row block: its state is (m, l, o).
#pragma once

#include "reference/attention/scores.h"
#include "reference/softmax/merge.h"

namespace attnlab::attention {

// The state of rows before any key: m = -inf, l = 0, o = 0; with a sink, that of its virtual key (v = 0).
template <class T>
void begin_softmax(const Head& head, Tile<T>& m, Tile<T>& l, Tile<T>& o) {
  const T sink = static_cast<T>(head.sink);
  m.mat().setConstant(sink);
  l.mat().setConstant(sink == kNegInf<T> ? T(0) : T(1));
  o.mat().setZero();
}

// The end of a row block: o / l, the only division, and lse = m + log(l) in place of l. A row without keys
// stays 0.
template <class Memory, class T>
void finish_softmax(Memory& memory, const Tile<T>& m, Tile<T>& l, Tile<T>& o) {
  for (Index r = 0; r < o.rows(); ++r) {
    if (l(r) != T(0)) o.mat().row(r) /= l(r);
    l(r) = softmax::lse(m(r), l(r));
  }
  memory.count(Flop::exp, o.rows());
  memory.count(Flop::other, o.rows() * o.cols() + o.rows());
}

}  // namespace attnlab::attention
