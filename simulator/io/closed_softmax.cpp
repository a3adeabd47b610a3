#include "simulator/io/closed_softmax.h"

#include <algorithm>

#include "reference/core/blocks.h"
#include "simulator/io/closed_steps.h"

namespace attnlab::io {
namespace {

// The online pass over x: m and d.
void add_normaliser_pass(Traffic& t, Index v, Index bc) {
  const Count pieces = u(ceil_div(v, bc));
  t.load(Hbm::x) += u(v);
  t.flop(Flop::exp) += u(v) + pieces;
  t.flop(Flop::other) += 3 * u(v) + 2 * pieces;
}

}  // namespace

Traffic softmax_traffic(softmax::Algorithm algorithm, Index v, Index bc) {
  const Count n = u(v), piece = u(std::min(v, bc));
  Traffic t;
  t.store(Hbm::y) = n;
  switch (algorithm) {
    case softmax::Algorithm::naive:
      t.load(Hbm::x) = 2 * n;
      t.flop(Flop::exp) = t.flop(Flop::other) = 2 * n;
      t.peak(1 + piece);  // d
      break;
    case softmax::Algorithm::safe:
      t.load(Hbm::x) = 3 * n;
      t.flop(Flop::exp) = 2 * n;
      t.flop(Flop::other) = 5 * n;
      t.peak(2 + piece);  // m, d
      break;
    case softmax::Algorithm::online:
      add_normaliser_pass(t, v, bc);
      t.load(Hbm::x) += n;
      t.flop(Flop::exp) += n;
      t.flop(Flop::other) += 2 * n;
      t.peak(2 + piece);
      break;
  }
  return t;
}

Traffic log_sum_exp_traffic(Index v, Index bc) {
  Traffic t;
  add_normaliser_pass(t, v, bc);
  t.store(Hbm::lse) = 1;
  t.flop(Flop::exp) += 1;
  t.flop(Flop::other) += 1;
  t.peak(2 + u(std::min(v, bc)));
  return t;
}

Traffic softmax_backward_traffic(Index v, Index bc) {
  Traffic t;
  t.load(Hbm::y) = t.load(Hbm::dy) = 2 * u(v);
  t.store(Hbm::dx) = u(v);
  t.flop(Flop::other) = 4 * u(v);
  t.peak(1 + 2 * u(std::min(v, bc)));  // delta, y, dy
  return t;
}

}  // namespace attnlab::io
