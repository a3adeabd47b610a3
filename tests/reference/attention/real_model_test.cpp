// Does every algorithm, in float, give the attention of a real model: within its own float error of float64,
// and within 1e-5 of what the model itself computed?
//
// experiments/real_attention/minilm_layer0.safetensors: layer 0 of all-MiniLM-L6-v2 on two texts of 201 and
// 22 tokens. Its scores reach 65, its probabilities 1.000: real activations have outliers that N(0, 1) lacks.
#include <gtest/gtest.h>

#include <map>

#include "files/tensor_file.h"
#include "tests/reference/attention/passes.h"
#include "tests/reference/attention/rounding_bounds.h"

namespace attnlab::testing {
namespace {

using attention::Algorithm;
using attention::Problem;

class RealModel : public ::testing::TestWithParam<Algorithm> {
 protected:
  RealModel() {
    const std::string path =
        std::string(ATTNLAB_SOURCE_DIR) + "/experiments/real_attention/minilm_layer0.safetensors";
    std::map<std::string, files::Tensor> tensors;
    for (files::Tensor& tensor : files::read(path)) tensors[tensor.name] = std::move(tensor);
    const auto load = [&](const char* name) {
      const std::vector<Index>& shape = tensors.at(name).shape;
      auto buffer = make_buffer<double>(shape[0], shape[1], shape[2], shape[3]);
      buffer.data = tensors.at(name).to_double();
      buffer.view.data = buffer.data.data();
      return buffer;
    };
    in = {load("q"), load("k"), load("v"), load("o")};  // O stands for a dO of real size
    model_o = in.dout;
    p.batch = in.q.view.batch, p.num_heads = p.num_kv_heads = in.q.view.heads;
    p.seqlen_q = p.seqlen_kv = in.q.view.seqlen, p.head_dim = p.head_dim_v = in.q.view.dim;
    for (const double length : tensors.at("seqlen").to_double())
      p.kv_lens.push_back(static_cast<Index>(length));
  }
  Problem p;
  PassInputs<double> in;
  Buffer<double> model_o;
};

template <class A, class B>
double worst(const Buffer<A>& a, const Buffer<B>& b) {
  EXPECT_EQ(a.data.size(), b.data.size());
  double w = 0;
  for (std::size_t n = 0; n < a.data.size(); ++n) {
    const double difference = std::abs(static_cast<double>(a.data[n]) - static_cast<double>(b.data[n]));
    if (!(difference <= w)) w = std::isnan(difference) ? INFINITY : difference;
  }
  return w;
}

TEST_P(RealModel, IsReproduced) {
  EXPECT_EQ(p.kv_lens, (std::vector<Index>{201, 22}));
  attention::Options options;
  options.tiles = {64, 64};
  Passes<double> exact(p);
  run_passes(Algorithm::standard, p, in, options, exact);
  EXPECT_NEAR(worst(exact.o, model_o), 3.5e-6, 0.05e-6);  // the model's own error

  const PassInputs<float> in_float{convert<float>(in.q), convert<float>(in.k), convert<float>(in.v),
                                   convert<float>(in.dout)};
  Passes<float> got(p);
  run_passes(GetParam(), p, in_float, options, got);
  const double error = worst(got.o, exact.o);
  RecordProperty("worst_error_against_float64", std::to_string(error * 1e6) + "e-6");
  RecordProperty("worst_difference_from_the_model", std::to_string(worst(got.o, model_o) * 1e6) + "e-6");
  EXPECT_LE(worst(got.o, model_o), 1e-5);

  Case c;
  c.p = p;
  c.q = in.q, c.k = in.k, c.v = in.v, c.dout = in.dout;
  const Bounds bound(c, options.tiles.bc);
  EXPECT_LE(worst_fraction(got.o, exact.o, bound.o), 1);
  EXPECT_LE(worst_fraction(got.lse, exact.lse, bound.lse), 1);
  EXPECT_LE(worst_fraction(got.dq, exact.dq, bound.dq), 1);
  EXPECT_LE(worst_fraction(got.dk, exact.dk, bound.dk), 1);
  EXPECT_LE(worst_fraction(got.dv, exact.dv, bound.dv), 1);
}

TEST_P(RealModel, InFloat64AlgorithmsAgree) {
  attention::Options options;
  options.tiles = {64, 64};
  Passes<double> exact(p), got(p);
  run_forward(Algorithm::standard, p, in, options, exact);
  run_forward(GetParam(), p, in, options, got);
  EXPECT_LE(worst(got.o, exact.o), 1e-13);
  EXPECT_LE(worst(got.lse, exact.lse), 1e-13);
}

INSTANTIATE_TEST_SUITE_P(Attention, RealModel, ::testing::ValuesIn(every_algorithm()), AlgorithmName());

}  // namespace
}  // namespace attnlab::testing
