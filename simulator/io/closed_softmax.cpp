#include "simulator/io/closed_softmax.h"

#include <algorithm>

#include "reference/core/blocks.h"
#include "reference/core/enumerators.h"
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

Traffic SoftmaxForm<softmax::Algorithm::naive>::forward(Index v, Index bc) {
  Traffic t;
  t.load(Hbm::x) = 2 * u(v);
  t.store(Hbm::y) = u(v);
  t.flop(Flop::exp) = t.flop(Flop::other) = 2 * u(v);
  t.peak(1 + u(std::min(v, bc)));  // d
  return t;
}

Traffic SoftmaxForm<softmax::Algorithm::safe>::forward(Index v, Index bc) {
  Traffic t;
  t.load(Hbm::x) = 3 * u(v);
  t.store(Hbm::y) = u(v);
  t.flop(Flop::exp) = 2 * u(v);
  t.flop(Flop::other) = 5 * u(v);
  t.peak(2 + u(std::min(v, bc)));  // m, d
  return t;
}

Traffic SoftmaxForm<softmax::Algorithm::online>::forward(Index v, Index bc) {
  Traffic t;
  add_normaliser_pass(t, v, bc);
  t.load(Hbm::x) += u(v);
  t.store(Hbm::y) = u(v);
  t.flop(Flop::exp) += u(v);
  t.flop(Flop::other) += 2 * u(v);
  t.peak(2 + u(std::min(v, bc)));  // m, d
  return t;
}

Traffic softmax_traffic(softmax::Algorithm algorithm, Index v, Index bc) {
  return with_enumerator(algorithm, [&]<softmax::Algorithm kAlgorithm>() {
    static_assert(
        requires { SoftmaxForm<kAlgorithm>::forward(v, bc); },
        "a softmax algorithm has no closed form: specialise SoftmaxForm for it");
    return SoftmaxForm<kAlgorithm>::forward(v, bc);
  });
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
