// Do the softmax algorithms move exactly the elements that Milakov & Gimelshein count (naive 3 accesses an
// element, safe 4, online 3), and do the closed forms say so?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "reference/softmax/algorithms.h"
#include "reference/softmax/backward.h"
#include "reference/softmax/log_sum_exp.h"
#include "simulator/io/closed_softmax.h"
#include "simulator/io/metered.h"
#include "tests/reference/attention/random_problem.h"
#include "tests/simulator/io/expect_traffic.h"

namespace attnlab::testing {
namespace {

using softmax::Algorithm;

template <class Memory, class T>
void run(Memory& memory, Algorithm algorithm, MatrixView<const T> x, MatrixView<T> y, Index bc) {
  with_enumerator(algorithm,
                  [&]<Algorithm kAlgorithm>() { softmax::Text<kAlgorithm>::forward(memory, x, y, bc); });
}

// Rows of 1 to 200 elements in pieces of 1 to 220.
struct Row {
  Index v, bc;
  std::vector<float> x, y, dy, dx;
  explicit Row(std::uint64_t seed) {
    Random random(seed);
    v = random.integer(1, 200);
    bc = random.integer(1, 220);
    for (Index c = 0; c < v; ++c) {
      x.push_back(static_cast<float>(random.normal()));
      dy.push_back(static_cast<float>(random.normal()));
    }
    y.resize(x.size());
    dx.resize(x.size());
  }
  MatrixView<const float> in(const std::vector<float>& values) const { return {values.data(), 1, v, v}; }
  MatrixView<float> out(std::vector<float>& values) const { return {values.data(), 1, v, v}; }
};

TEST(SoftmaxTraffic, AccessesAnElementAreThePapers) {
  for (const auto& algorithm : softmax::algorithms()) {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
      Row row(seed);
      io::Metered memory(Sram::kUnlimited);
      memory.undefined(Hbm::y, row.out(row.y));
      run(memory, algorithm.id, row.in(row.x), row.out(row.y), row.bc);
      const io::Traffic traffic = memory.traffic();
      const auto v = static_cast<std::uint64_t>(row.v);
      const std::uint64_t accesses = algorithm.id == Algorithm::safe ? 4 : 3;
      ASSERT_EQ(static_cast<std::uint64_t>(traffic.load(Hbm::x)), (accesses - 1) * v) << algorithm.name;
      ASSERT_EQ(static_cast<std::uint64_t>(traffic.store(Hbm::y)), v) << algorithm.name;
      ASSERT_EQ(algorithm.loads + algorithm.stores, static_cast<int>(accesses));
      ASSERT_EQ(memory.sram_in_use(), 0);
    }
  }
}

TEST(SoftmaxTraffic, ClosedFormsEqualTheMeteredMachine) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Row row(seed);
    SCOPED_TRACE("seed " + std::to_string(seed));
    for (const auto& algorithm : softmax::algorithms()) {
      SCOPED_TRACE(algorithm.name);
      io::Metered memory(Sram::kUnlimited);
      run(memory, algorithm.id, row.in(row.x), row.out(row.y), row.bc);
      expect_equal(io::softmax_traffic(algorithm.id, row.v, row.bc), memory.traffic());
    }
    float lse = 0;
    io::Metered lse_memory(Sram::kUnlimited), backward_memory(Sram::kUnlimited);
    softmax::log_sum_exp(lse_memory, row.in(row.x), MatrixView<float>{&lse, 1, 1, 1}, row.bc);
    expect_equal(io::log_sum_exp_traffic(row.v, row.bc), lse_memory.traffic());
    softmax::backward(backward_memory, row.in(row.y), row.in(row.dy), row.out(row.dx), row.bc);
    expect_equal(io::softmax_backward_traffic(row.v, row.bc), backward_memory.traffic());
    if (HasFailure()) return;
  }
}

TEST(SoftmaxTraffic, TheMeteredMachineComputesWhatDirectDoes) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Row row(seed);
    for (const auto& algorithm : softmax::algorithms()) {
      Direct direct;
      io::Metered metered(row.bc + 2);  // no SRAM to spare
      std::vector<float> again(row.y.size());
      run(direct, algorithm.id, row.in(row.x), row.out(row.y), row.bc);
      run(metered, algorithm.id, row.in(row.x), row.out(again), row.bc);
      EXPECT_THAT(again, ::testing::Pointwise(::testing::FloatEq(), row.y))
          << algorithm.name << " seed " << seed;
    }
  }
}

}  // namespace
}  // namespace attnlab::testing
