// Does cp.async move its bytes at the wait, and not before; in groups; zero-filled where the source is
// shorter?
#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "tests/ptx/evaluate.h"

namespace attnlab::simt::ptx {
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
    for (unsigned group = 0; group < 3; ++group)
      run_text("cp.async.ca.shared.global.L2::128B [%0], [%1], %2; cp.async.commit_group;",
               in("r", fake::shared_begin + 16 * group), in("l", source.data() + 4 * group), in("n", 16));
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
  for (const std::uint32_t bytes : {0u, 4u, 12u, 16u})
    run([&] {
      run_text("cp.async.cg.shared.global [%0], [%1], 16, %2; cp.async.wait_all;",
               in("r", fake::shared_begin), in("l", source.data()), in("r", bytes));
      for (unsigned i = 0; i < 4; ++i) EXPECT_EQ(shared_word(i), 4 * i < bytes ? 100 + i : 0u) << bytes;
    });
  for (const int ignore : {0, 1})
    run([&] {
      run_text(
          "{ .reg .pred p; setp.ne.b32 p, %2, 0; cp.async.ca.shared.global [%0], [%1], 4, p; "
          "cp.async.wait_all; }",
          in("r", fake::shared_begin), in("l", source.data() + 9), in("r", ignore));
      EXPECT_EQ(shared_word(0), ignore != 0 ? 0u : 109u);
    });
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
}  // namespace attnlab::simt::ptx
