// Does cp.async move its bytes at the wait, and not before; in groups; zero-filled where the source is
// shorter?
#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "tests/simulator/emulator/ptx/evaluate.h"

namespace attnlab::emulator::ptx {
namespace {

std::uint32_t shared_word(unsigned i) {
  std::uint32_t value;
  std::memcpy(&value, fake::shared_memory.data() + 4 * i, 4);
  return value;
}
constexpr std::uint32_t poison = 0xcdcdcdcd;

class Async : public testing::Test {
 protected:
  void SetUp() override {
    fake::reset();
    for (unsigned i = 0; i < source.size(); ++i) source[i] = 100 + i;
    fake::shared_memory.fill(0x11);
  }
  // Runs one lane.
  template <class F>
  void run(F f) {
    fake::run_warp([&](unsigned) { f(); }, 1);
  }
  alignas(16) std::array<std::uint32_t, 64> source{};
};

TEST_F(Async, ArrivesAtTheWait) {
  run([&] {
    run_text("cp.async.cg.shared.global [%0], [%1], 16;", in("r", fake::shared_begin),
             in("l", source.data()));
    run_text("cp.async.commit_group;");
    EXPECT_EQ(shared_word(0), poison);
    EXPECT_EQ(shared_word(4), 0x11111111u);
    run_text("cp.async.wait_group 0;");
    for (unsigned i = 0; i < 4; ++i) EXPECT_EQ(shared_word(i), 100 + i);
  });
  EXPECT_EQ(fake::device.bypassing_copies, 1u);
  EXPECT_TRUE(fake::device.accesses.empty());  // async_copy itself counts
}

TEST_F(Async, GroupsArriveInOrder) {
  run([&] {
    for (unsigned group = 0; group < 3; ++group) {
      run_text("cp.async.ca.shared.global.L2::128B [%0], [%1], %2; cp.async.commit_group;",
               in("r", fake::shared_begin + 16 * group), in("l", source.data() + 4 * group), in("n", 16));
    }
    run_text("cp.async.wait_group %0;", in("n", 2));
    EXPECT_EQ(shared_word(0), 100u);
    EXPECT_EQ(shared_word(4), poison);
    run_text("cp.async.wait_group 1;");
    EXPECT_EQ(shared_word(4), 104u);
    EXPECT_EQ(shared_word(8), poison);
    run_text("cp.async.wait_all;");
    EXPECT_EQ(shared_word(8), 108u);
  });
  EXPECT_EQ(fake::device.bypassing_copies, 0u);
}

TEST_F(Async, WaitAllNeedsNoCommit) {
  run([&] {
    run_text("cp.async.ca.shared.global [%0+4], [%1+8], 8; cp.async.wait_all;", in("r", fake::shared_begin),
             in("l", source.data()));
    EXPECT_EQ(shared_word(0), 0x11111111u);
    EXPECT_EQ(shared_word(1), 102u);
    EXPECT_EQ(shared_word(2), 103u);
    EXPECT_EQ(shared_word(3), 0x11111111u);
  });
}

TEST_F(Async, ShorterSourcesFillWithZeros) {
  for (const std::uint32_t bytes : {0u, 4u, 12u, 16u}) {
    run([&] {
      run_text("cp.async.cg.shared.global [%0], [%1], 16, %2; cp.async.wait_all;",
               in("r", fake::shared_begin), in("l", source.data()), in("r", bytes));
      for (unsigned i = 0; i < 4; ++i) EXPECT_EQ(shared_word(i), 4 * i < bytes ? 100 + i : 0u) << bytes;
    });
  }
  for (const int ignore : {0, 1}) {
    run([&] {
      run_text(
          "{ .reg .pred p; setp.ne.b32 p, %2, 0; cp.async.ca.shared.global [%0], [%1], 4, p; "
          "cp.async.wait_all; }",
          in("r", fake::shared_begin), in("l", source.data() + 9), in("r", ignore));
      EXPECT_EQ(shared_word(0), ignore != 0 ? 0u : 109u);
    });
  }
}

TEST_F(Async, GuardedCopiesDoNotHappen) {
  run([&] {
    run_text(
        "{ .reg .pred p; setp.ne.b32 p, %2, 0; @p cp.async.cg.shared.global [%0], [%1], 16; } "
        "cp.async.wait_all;",
        in("r", fake::shared_begin), in("l", source.data()), in("r", 0));
    EXPECT_EQ(shared_word(0), 0x11111111u);
  });
}

// A barrier in shared memory: no lane passes before all have arrived, phase after phase.
TEST_F(Async, MbarrierHoldsEveryLane) {
  const std::uint32_t barrier = fake::shared_begin + 64;
  run([&] { run_text("mbarrier.init.shared::cta.b64 [%0], %1;", in("r", barrier), in("r", 32)); });
  unsigned arrived = 0;
  fake::run_warp([&](unsigned lane) {
    for (std::uint32_t phase = 0; phase < 3; ++phase) {
      ++arrived;
      std::uint64_t state = 0;
      std::uint32_t over = 0;
      run_text(
          "{ .reg .pred p; mbarrier.arrive.shared.b64 %0, [%2]; mbarrier.test_wait.shared.b64 p, [%2], %0; "
          "selp.u32 %1, 1, 0, p; }",
          out("=l", state), out("=r", over), in("r", barrier));
      EXPECT_EQ(over, arrived == 32 * (phase + 1) ? 1u : 0u);
      if (lane % 2 == 0) {
        run_text(
            "{ .reg .pred p; AGAIN: mbarrier.try_wait.parity.shared::cta.b64 p, [%0], %1; @!p bra AGAIN; }",
            in("r", barrier), in("r", phase & 1));
      } else {
        run_text(
            "{ .reg .pred p; AGAIN: mbarrier.try_wait.shared::cta.b64 p, [%0], %1, 1000; @p bra DONE; bra "
            "AGAIN; DONE: }",
            in("r", barrier), in("l", state));
      }
      EXPECT_GE(arrived, 32 * (phase + 1));
    }
  });
  EXPECT_EQ(fake::device.orderings, 3u);
}

TEST_F(Async, MbarrierCountsArrivals) {
  const std::uint32_t barrier = fake::shared_begin + 64;
  const auto over = [&](unsigned parity) {
    std::uint32_t d = 0;
    run_text("{ .reg .pred p; mbarrier.test_wait.parity.shared.b64 p, [%1], %2; selp.u32 %0, 1, 0, p; }",
             out("=r", d), in("r", barrier), in("r", parity));
    return d == 1;
  };
  run([&] {
    run_text("mbarrier.init.shared.b64 [%0], 5;", in("r", barrier));
    EXPECT_TRUE(over(1));  // the phase before the first
    EXPECT_FALSE(over(0));
    run_text("mbarrier.arrive.release.cta.shared::cta.b64 _, [%0], 3;", in("r", barrier));
    EXPECT_FALSE(over(0));
    // The copy ends with the arrival.
    run_text("cp.async.ca.shared.global [%0], [%1], 4; cp.async.mbarrier.arrive.noinc.shared.b64 [%2];",
             in("r", fake::shared_begin), in("l", source.data()), in("r", barrier));
    EXPECT_EQ(shared_word(0), 100u);
    EXPECT_FALSE(over(0));
    run_text("cp.async.mbarrier.arrive.shared.b64 [%0];",
             in("r", barrier));  // raises what is expected, and arrives
    EXPECT_FALSE(over(0));
    run_text("mbarrier.arrive.shared.b64 _, [%0];", in("r", barrier));
    EXPECT_TRUE(over(0));
    run_text("mbarrier.inval.shared.b64 [%0];", in("r", barrier));
    EXPECT_THROW(run_text("mbarrier.arrive.shared.b64 _, [%0];", in("r", barrier)), fake::Stopped);
  });
}

TEST_F(Async, WrongSizesStop) {
  const auto copy = [&](const std::string& how, unsigned bytes) {
    execute(interned("cp.async." + how + ".shared.global [%0], [%1], %2;"), "test.cu", 1,
            in("r", fake::shared_begin), in("l", source.data()), in("n", bytes));
  };
  run([&] {
    EXPECT_THROW(copy("cg", 8), fake::Stopped);
    EXPECT_THROW(copy("ca", 12), fake::Stopped);
    EXPECT_NO_THROW(copy("ca", 4));
  });
}

}  // namespace
}  // namespace attnlab::emulator::ptx
