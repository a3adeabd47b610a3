// With counting off, does every kernel give the results that it gives with counting on, to the bit?
#include <gtest/gtest.h>

#include "cuda/counters/launch_once.h"
#include "simulator/emulator/runtime/session.h"
#include "tests/cuda/backends.h"

namespace attnlab {
namespace {

class Uncounted : public ::testing::TestWithParam<const cuda::Kernel*> {
 protected:
  void TearDown() override {
    emulator::options().counting = true;
    emulator::take_report();
  }
};

// What a launch leaves in its outputs. Ragged, causal and grouped, so that every branch is taken.
std::vector<float> outputs(const cuda::Kernel& kernel) {
  cuda::Shape shape{
      .seqlen_q = 77, .seqlen_kv = 100, .head_dim = 64, .causal = true, .heads = 2, .kv_heads = 1};
  const bool decodes = kernel.pass == cuda::Pass::decode;
  if (decodes) shape.seqlen_q = 7, shape.type = DType::f16;
  cuda::Numbers numbers(shape);
  if (kernel.pass == cuda::Pass::softmax) {
    std::vector<float> y(numbers.k.size());
    cuda::softmax(cuda::Backend::emulator, kernel.name, shape.type, {numbers.k.data(), 100, 64, 64},
                  {y.data(), 100, 64, 64});
    return y;
  }
  cuda::DeviceProblem forward(cuda::Backend::emulator, numbers.p, shape.type, numbers.forward(),
                              decodes ? cuda::Cache::as_given : cuda::Cache::plain);
  std::vector<float> all;
  const auto add = [&](const std::vector<float>& x) { all.insert(all.end(), x.begin(), x.end()); };
  if (kernel.pass == cuda::Pass::forward || decodes) {
    forward.forward(kernel);
    forward.copy_out(numbers.forward());
    add(numbers.o), add(numbers.lse);
    return all;
  }
  const auto tensors = numbers.backward();
  forward.copy_in_results(tensors.o, tensors.lse);
  cuda::DeviceBackward backward(cuda::Backend::emulator, forward, tensors);
  backward.backward(kernel);
  backward.copy_out(tensors);
  add(numbers.dq), add(numbers.dk), add(numbers.dv);
  return all;
}

TEST_P(Uncounted, SameBits) {
  emulator::options().counting = true;
  const auto counted = outputs(*GetParam());
  EXPECT_FALSE(emulator::take_report().kernels.empty());
  emulator::options().counting = false;
  const auto uncounted = outputs(*GetParam());
  EXPECT_TRUE(emulator::take_report().kernels.empty());
  ASSERT_EQ(counted.size(), uncounted.size());
  for (std::size_t n = 0; n < counted.size(); ++n)
    ASSERT_EQ(std::bit_cast<std::uint32_t>(counted[n]), std::bit_cast<std::uint32_t>(uncounted[n])) << n;
}

std::vector<const cuda::Kernel*> all_kernels() {
  std::vector<const cuda::Kernel*> all;
  for (const cuda::Kernel& kernel : cuda::kernels()) {
    const auto dims = kernel.needs.head_dims;
    if (dims.empty() || std::ranges::find(dims, 64) != dims.end()) all.push_back(&kernel);
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Kernels, Uncounted, ::testing::ValuesIn(all_kernels()), [](const auto& p) {
  std::string name(p.param->name);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace attnlab
