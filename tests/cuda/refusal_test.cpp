// Does the host API refuse what its kernels cannot compute, naming the argument, before any output is
// touched?
#include <gtest/gtest.h>

#include "reference/core/errors.h"
#include "tests/cuda/backends.h"
#include "tests/cuda/forward_cases.h"

namespace attnlab::testing {
namespace {

using attention::Problem;

// forward() with tensors that fit the problem, unless `change` bends them; the argument that it complained
// about.
std::string refused(Problem p, const std::function<void(cuda::ForwardTensors&)>& change = {},
                    const char* kernel = "flash2-04") {
  std::vector<float> in(200000, 1.0f), o(200000, 5.0f), lse(20000, 5.0f);
  cuda::ForwardTensors t{
      bhsd<const float>(in.data(), p.tensor_batches(), p.num_heads, p.tensor_rows_q(), p.head_dim),
      bhsd<const float>(in.data(), p.tensor_batches(), p.num_kv_heads, p.tensor_rows_kv(), p.head_dim),
      bhsd<const float>(in.data(), p.tensor_batches(), p.num_kv_heads, p.tensor_rows_kv(), p.head_dim_v),
      bhsd(o.data(), p.tensor_batches(), p.num_heads, p.tensor_rows_q(), p.head_dim_v),
      bhsd(lse.data(), p.tensor_batches(), p.num_heads, p.tensor_rows_q(), 1)};
  if (change) change(t);
  std::string argument = "nothing refused";
  try {
    cuda::forward(cuda::backends().front(), kernel, p, DType::f32, t);
  } catch (const InvalidArgument& error) {
    argument = error.argument();
  }
  for (const float x : o) EXPECT_EQ(x, 5.0f) << "O was written";
  return argument;
}

Problem small() { return forward_case("", 8, 8, 64).p; }

template <class Change>
Problem changed(Change change) {
  Problem p = small();
  change(p);
  return p;
}

TEST(Refusal, ProblemsThatTheKernelsDoNotSupport) {
  EXPECT_EQ(refused(changed([](Problem& p) { p.head_dim = p.head_dim_v = 48; })), "head_dim");
  EXPECT_EQ(refused(changed([](Problem& p) { p.head_dim_v = 32; })), "head_dim_v");
  EXPECT_EQ(refused(changed([](Problem& p) { p.sinks = {1.0}; })), "sinks");
  const float bias = 0;
  EXPECT_EQ(refused(changed([&](Problem& p) { p.bias = broadcast(&bias, 1, 1, 1, 1); })), "bias");
  const std::uint8_t mask = 1;
  EXPECT_EQ(refused(changed([&](Problem& p) { p.mask = broadcast(&mask, 1, 1, 1, 1); })), "mask");
}

TEST(Refusal, ProblemsWithoutMeaning) {
  EXPECT_EQ(refused(changed([](Problem& p) { p.num_heads = 3, p.num_kv_heads = 2; })), "num_kv_heads");
  EXPECT_EQ(refused(changed([](Problem& p) { p.window.left = -1; })), "window.left");
  EXPECT_EQ(refused(changed([](Problem& p) { p.dropout.p = 1; })), "dropout.p");
  EXPECT_EQ(refused(changed([](Problem& p) { p.alibi_slopes = {1, 2}; })), "alibi_slopes");
}

TEST(Refusal, TensorsThatDoNotFit) {
  using Tensors = cuda::ForwardTensors;
  EXPECT_EQ(refused(small(), [](Tensors& t) { t.q.seqlen = 9; }), "q");
  EXPECT_EQ(refused(small(), [](Tensors& t) { t.k.dim = 32; }), "k");
  EXPECT_EQ(refused(small(), [](Tensors& t) { t.v.data = nullptr; }), "v");
  EXPECT_EQ(refused(small(), [](Tensors& t) { t.o.heads = 2; }), "o");
  EXPECT_EQ(refused(small(), [](Tensors& t) { t.lse.seqlen = 7; }), "lse");
}

TEST(Refusal, KernelsThatAreNone) {
  EXPECT_EQ(refused(small(), {}, "flash9"), "kernel");
  EXPECT_EQ(refused(small(), {}, "softmax-01"), "kernel") << "not a forward kernel";
}

TEST(Refusal, ParametersOfALaunch) {
  const auto& kernel = cuda::find_kernel("naive-01");
  cuda::AttentionParams p;
  p.head_dim = 64, p.seqlen_q = p.seqlen_kv = 8;
  float number = 0;
  const auto argument = [&] {
    try {
      cuda::launch_forward(cuda::backends().front(), kernel, p);
    } catch (const InvalidArgument& error) {
      return error.argument();
    }
    return std::string("nothing refused");
  };
  EXPECT_EQ(argument(), "q");
  p.q.data = p.k.data = p.v.data = p.o.data = &number;
  EXPECT_EQ(argument(), "workspace");
  p.heads_q = 3, p.heads_kv = 2;
  EXPECT_EQ(argument(), "heads_kv");
  p.head_dim = 65;
  EXPECT_EQ(argument(), "head_dim");
}

TEST(Refusal, NoRowsIsNoError) {
  EXPECT_EQ(refused(changed([](Problem& p) { p.seqlen_q = 0; })), "nothing refused");
}

}  // namespace
}  // namespace attnlab::testing
