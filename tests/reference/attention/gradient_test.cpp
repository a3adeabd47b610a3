// Is the backward pass of every algorithm the derivative of its forward pass?
//
// Of the loss L = sum(dO o O), in float64, on every option of the problem. Dropout is one of them: the seed
// fixes the mask, so L is smooth.
#include <gtest/gtest.h>

#include "tests/reference/attention/passes.h"

namespace attnlab::testing {
namespace {

using attention::Algorithm;

class Gradient : public ::testing::TestWithParam<Algorithm> {};

double inner_product(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t n = 0; n < a.size(); ++n) sum += a[n] * b[n];
  return sum;
}

TEST_P(Gradient, IsTheCentralDifferenceOfTheLoss) {
  int checked = 0;
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    Case c;
    make_case(c, seed, 14);
    SCOPED_TRACE("seed " + std::to_string(seed) + c.description);
    Random random(seed + 4000);
    attention::Options options;
    options.threads = 1;
    options.tiles = {random.integer(1, 12), random.integer(1, 12)};
    PassInputs<double> in = convert<double>(c);
    const std::vector<double> dout = convert<double>(c).dout.data;
    Passes<double> at(c.p), beside(c.p);
    // dO in the layout of O.
    in.dout = make_buffer<double>(at.o.view.batch, at.o.view.heads, at.o.view.seqlen, at.o.view.dim);
    in.dout.data = dout;
    in.dout.view.data = in.dout.data.data();
    run_passes(GetParam(), c.p, in, options, at);

    const auto loss = [&] {
      run_forward(GetParam(), c.p, in, options, beside);
      return inner_product(in.dout.data, beside.o.data);
    };
    // The five-point difference along a direction: its error is h^4 times a fifth derivative, here of size
    // one to a few thousand, and the loss's rounding over h.
    const auto difference = [&](std::vector<double>& x, const std::vector<double>& direction) {
      constexpr double h = 1e-3;
      const std::vector<double> x0 = x;
      const auto moved = [&](double by) {
        for (std::size_t n = 0; n < x.size(); ++n) x[n] = x0[n] + by * direction[n];
        return loss();
      };
      const double slope = (8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12 * h);
      x = x0;
      return slope;
    };
    const auto expect_derivative = [&](const char* name, std::vector<double>& x,
                                       const TensorView<double>& view, const Buffer<double>& gradient) {
      if (x.empty()) return;
      // The gradient in the layout of x.
      std::vector<double> g(x.size());
      for (Index b = 0; b < view.batch; ++b) {
        for (Index h = 0; h < view.heads; ++h) {
          MatrixView<double> to = view.head(b, h);
          to.data = g.data() + (to.data - view.data);
          as_eigen(to) = as_eigen(gradient.view.head(b, h));
        }
      }
      std::vector<std::vector<double>> directions;
      directions.emplace_back(x.size());  // all elements at once: no error hides from it
      double norm = 0;
      for (double& e : directions[0]) e = random.normal(), norm += e * e;
      for (double& e : directions[0]) e /= std::sqrt(norm);
      for (int single = 0; single < 3; ++single) {
        directions.emplace_back(x.size());
        directions.back()[static_cast<std::size_t>(random.word()) % x.size()] = 1;
      }
      for (const auto& direction : directions) {
        const double expected = difference(x, direction), got = inner_product(g, direction);
        EXPECT_LE(std::abs(got - expected), 2e-8 * (1 + std::abs(expected))) << name;
        checked += expected != 0;
      }
    };
    expect_derivative("dQ", in.q.data, in.q.view, at.dq);
    expect_derivative("dK", in.k.data, in.k.view, at.dk);
    expect_derivative("dV", in.v.data, in.v.view, at.dv);
    if (HasFailure()) return;
  }
  EXPECT_GT(checked, 500);
}

INSTANTIATE_TEST_SUITE_P(Attention, Gradient, ::testing::ValuesIn(every_algorithm()), AlgorithmName());

}  // namespace
}  // namespace attnlab::testing
