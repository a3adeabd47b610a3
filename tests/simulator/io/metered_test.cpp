// Does the metered machine count what moves, refuse what does not fit, and catch an algorithm that reads what
// it never loaded, stored or computed?
#include "simulator/io/metered.h"

#include <gtest/gtest.h>

#include <numeric>

#include "reference/attention/flash2.h"
#include "simulator/io/account.h"
#include "simulator/io/metered_attention.h"
#include "tests/reference/attention/random_problem.h"

namespace attnlab::testing {
namespace {

using attention::Algorithm;
using io::Metered;

template <class T>
class MeteredOf : public ::testing::Test {
 protected:
  MeteredOf() : hbm(60) { std::iota(hbm.begin(), hbm.end(), T(0)); }
  MatrixView<T> matrix() { return {hbm.data(), 6, 10, 10}; }
  std::vector<T> hbm;
};
using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(MeteredOf, Types);

template <class Error, class Body>
std::string message_of(Body body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing thrown";
}

TYPED_TEST(MeteredOf, CountsEveryElementByTensorAndTheFlopsByKind) {
  Metered memory(1000);
  {
    // A strided part: 3 rows of 4.
    const auto q = memory.load(Hbm::Q, this->matrix().block({1, 3}, {2, 4}));
    EXPECT_EQ(q(2, 3), TypeParam(35));
    auto o = memory.template tile<TypeParam>("O", 3, 4);
    o.mat() = q.mat();
    memory.store(Hbm::O, this->matrix().block({3, 3}, {0, 4}), o);
    memory.load_into(Hbm::K, this->matrix().block({0, 3}, {0, 4}), o);
    memory.count(Flop::matmul, 100);
    memory.count(Flop::exp, 10);
    memory.count(Flop::exp, 5);
  }
  io::Traffic expected;
  expected.load(Hbm::Q) = 12;
  expected.load(Hbm::K) = 12;
  expected.store(Hbm::O) = 12;
  expected.flop(Flop::matmul) = 100;
  expected.flop(Flop::exp) = 15;
  expected.sram_peak = 24;
  EXPECT_TRUE(memory.traffic() == expected);
  EXPECT_EQ(this->hbm[53], TypeParam(35));
}

TYPED_TEST(MeteredOf, ALoadIsACopyAndOnlyAStoreReachesHbm) {
  Metered memory(1000);
  auto tile = memory.load(Hbm::O, this->matrix().middle({0, 1}));
  tile(0, 0) = 99;
  EXPECT_EQ(this->hbm[0], TypeParam(0));
  this->hbm[1] = 77;
  EXPECT_EQ(tile(0, 1), TypeParam(1));
  memory.store(Hbm::O, this->matrix().middle({0, 1}), tile);
  EXPECT_EQ(this->hbm[0], TypeParam(99));
  EXPECT_EQ(this->hbm[1], TypeParam(1));
  // What is to be stored later starts elsewhere too.
  auto place = memory.tile_for("O", this->matrix().middle({2, 1}));
  place.mat().setZero();
  EXPECT_EQ(this->hbm[20], TypeParam(20));
}

TYPED_TEST(MeteredOf, RefusesATileBeyondMAndSaysWhatIsThere) {
  Metered memory(100);
  const auto q = memory.load(Hbm::Q, this->matrix());
  auto m = memory.template tile<TypeParam>("m", 6, 1);
  EXPECT_EQ(message_of<SramOverflow>([&] {
              memory.load(Hbm::K, this->matrix().middle({0, 4}));
            }),
            "SRAM: got tile K of 4 x 10 = 40 elements beside 66 in use (Q 60, m 6), expected at most M = 100 "
            "elements in all");
  EXPECT_EQ(message_of<SramOverflow>([&] { memory.template tile<TypeParam>("S", 5, 7); }),
            "SRAM: got tile S of 5 x 7 = 35 elements beside 66 in use (Q 60, m 6), expected at most M = 100 "
            "elements in all");
  EXPECT_EQ(memory.sram_in_use(), 66);
  EXPECT_EQ(io::to_string(memory.traffic().load(Hbm::K)), "0");  // nothing moved
  m.evict();
  EXPECT_NO_THROW(memory.load(Hbm::K, this->matrix().middle({0, 4})));
  EXPECT_EQ(io::to_string(memory.traffic().sram_peak), "100");
}

TYPED_TEST(MeteredOf, CatchesALoadOfWhatWasNeverStored) {
  Metered memory(1000);
  memory.undefined(Hbm::S, this->matrix());
  EXPECT_EQ(message_of<io::UndefinedRead>([&] {
              memory.load(Hbm::S, this->matrix().middle({0, 1}));
            }),
            "load of S from HBM that was never stored");
  auto tile = memory.template tile<TypeParam>("S", 2, 10);
  EXPECT_THROW(memory.load_into(Hbm::S, this->matrix().middle({0, 2}), tile), io::UndefinedRead);
  tile.mat().setZero();
  memory.store(Hbm::S, this->matrix().middle({2, 2}), tile);
  EXPECT_NO_THROW(memory.load(Hbm::S, this->matrix().middle({2, 2})));
  // A single element that was left out is found, wherever it is.
  EXPECT_THROW(memory.load(Hbm::S, this->matrix().block({2, 3}, {9, 1})), io::UndefinedRead);
  EXPECT_THROW(memory.load(Hbm::S, this->matrix().block({1, 2}, {0, 1})), io::UndefinedRead);
}

TYPED_TEST(MeteredOf, CatchesAStoreOfWhatWasNeverComputed) {
  Metered memory(1000);
  auto tile = memory.template tile<TypeParam>("O", 2, 3);
  const auto store = [&] { memory.store(Hbm::O, this->matrix().block({0, 2}, {0, 3}), tile); };
  EXPECT_EQ(message_of<io::UndefinedRead>(store), "store of O from SRAM that was never computed");
  tile.mat().row(0).setZero();
  tile(1, 0) = tile(1, 1) = 0;
  EXPECT_THROW(store(), io::UndefinedRead);
  tile(1, 2) = 0;
  EXPECT_NO_THROW(store());
  auto place = memory.tile_for("O", this->matrix());
  EXPECT_THROW(memory.store(Hbm::O, this->matrix(), place), io::UndefinedRead);
  // Room that is used again holds nothing either.
  tile.evict();
  auto again = memory.template tile<TypeParam>("O", 2, 3);
  EXPECT_THROW(memory.store(Hbm::O, this->matrix().block({0, 2}, {0, 3}), again), io::UndefinedRead);
}

TYPED_TEST(MeteredOf, NaNOfAComputationIsNotUndefined) {
  Metered memory(1000);
  memory.undefined(Hbm::O, this->matrix());
  auto tile = memory.tile_for("O", this->matrix());
  tile.mat().setConstant(std::numeric_limits<TypeParam>::quiet_NaN());
  tile.mat().row(1).setConstant(std::numeric_limits<TypeParam>::infinity());
  tile.mat().row(1) -= tile.mat().row(1);
  tile.mat().row(2).setConstant(-std::numeric_limits<TypeParam>::quiet_NaN());
  EXPECT_NO_THROW(memory.store(Hbm::O, this->matrix(), tile));
  EXPECT_NO_THROW(memory.load(Hbm::O, this->matrix()));
}

TYPED_TEST(MeteredOf, CatchesAReadOfWhatHasLeft) {
  Metered memory(1000);
  auto tile = memory.load(Hbm::K, this->matrix());
  tile.evict();
  EXPECT_EQ(memory.sram_in_use(), 0);
  EXPECT_EQ(message_of<EvictedRead>([&] { tile(0, 0) = 1; }), "read of a tile that has left SRAM");
  EXPECT_THROW(tile.mat(), EvictedRead);
  EXPECT_THROW(memory.store(Hbm::K, this->matrix(), tile), EvictedRead);
  auto from = memory.load(Hbm::V, this->matrix());
  const auto to = std::move(from);
  EXPECT_THROW(from.view(), EvictedRead);  // NOLINT: what a moved-from tile does is the question
  EXPECT_EQ(to(5, 9), TypeParam(59));
  EXPECT_EQ(memory.sram_in_use(), 60);
}

// Whole algorithms: the peak of the closed form is exactly the M they need; one element less is refused, and
// leaves nothing behind in SRAM.
class EveryAlgorithm : public ::testing::TestWithParam<Algorithm> {};

TEST_P(EveryAlgorithm, RunsInItsPeakAndInNothingLess) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Case c;
    make_case(c, seed, 50);
    const auto& p = c.p;
    SCOPED_TRACE("seed " + std::to_string(seed) + c.description);
    Random random(seed + 77);
    attention::Options options;
    options.threads = 1;
    options.tiles = {random.integer(1, 30), random.integer(1, 30)};
    const Index tb = p.tensor_batches(), nq = p.tensor_rows_q(), nk = p.tensor_rows_kv();
    auto o = make_buffer<double>(tb, p.num_heads, nq, p.head_dim_v);
    auto lse = make_buffer<double>(tb, p.num_heads, nq, 1),
         dq = make_buffer<double>(tb, p.num_heads, nq, p.head_dim);
    auto dk = make_buffer<double>(tb, p.num_kv_heads, nk, p.head_dim);
    auto dv = make_buffer<double>(tb, p.num_kv_heads, nk, p.head_dim_v);
    for (const io::Pass pass : {io::Pass::forward, io::Pass::backward}) {
      if (pass == io::Pass::backward && !attention::info(GetParam()).backward) continue;
      const io::Traffic closed = io::problem_traffic(GetParam(), pass, p, options.tiles);
      const auto peak = static_cast<std::int64_t>(closed.sram_peak);
      const auto run = [&](std::int64_t sram) {
        if (pass == io::Pass::forward) {
          return io::metered_forward<double>(GetParam(), p, {c.q.in(), c.k.in(), c.v.in(), o.view, lse.view},
                                             options, sram);
        }
        return io::metered_backward<double>(
            GetParam(), p,
            {c.q.in(), c.k.in(), c.v.in(), o.in(), lse.in(), c.dout.in(), dq.view, dk.view, dv.view}, options,
            sram);
      };
      EXPECT_TRUE(run(peak) == closed) << io::name(pass);
      if (peak > 0) {
        EXPECT_THROW(run(peak - 1), SramOverflow) << io::name(pass);
      }
      if (pass == io::Pass::forward) run(peak);  // the backward pass wants a whole O and lse
    }
    if (HasFailure()) return;
  }
}

std::vector<Algorithm> all_algorithms() {
  std::vector<Algorithm> all;
  for (const auto& a : attention::algorithms()) all.push_back(a.id);
  return all;
}

INSTANTIATE_TEST_SUITE_P(Metered, EveryAlgorithm, ::testing::ValuesIn(all_algorithms()),
                         [](const auto& param) {
                           std::string name = attention::info(param.param).name;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(Metered, AnAlgorithmThatIsRefusedLeavesNothingInSram) {
  const attention::Tiles tiles{16, 16};
  attention::Head head;
  head.seqlen_q = head.seqlen_kv = 64;
  head.head_dim = head.head_dim_v = 8;
  std::vector<float> data(64 * 8, 0.5f), o(64 * 8), lse(64);
  const MatrixView<const float> in{data.data(), 64, 8, 8};
  Metered memory(16 * 8 * 3 + 2 * 16);  // Q, K, O, m and l of a tile, and no S
  const attention::Inputs<float> inputs{in, in, in};
  const attention::Outputs<float> outputs{{o.data(), 64, 8, 8}, {}, {}, {lse.data(), 64, 1, 1}};
  EXPECT_THROW(attention::flash2_forward(memory, head, inputs, outputs, tiles), SramOverflow);
  EXPECT_EQ(memory.sram_in_use(), 0);
}

}  // namespace
}  // namespace attnlab::testing
