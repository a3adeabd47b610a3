// Do the warp-wide instructions exchange what the PTX ISA says, for every mode, segment and mask, and do
// barriers, fences and traps reach the emulator with their arguments?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "tests/simulator/emulator/ptx/evaluate.h"

namespace attnlab::emulator::ptx {
namespace {

std::uint32_t value_of(unsigned lane) { return 1000 + 7 * lane; }

// The ISA's pseudo-code of shfl.
struct Shuffled {
  std::uint32_t value;
  bool predicate;
};
Shuffled shuffled(const std::string& mode, int lane, int b, int c) {
  const int segment = c >> 8 & 31, clamp = c & 31;
  const int last = (lane & segment) | (clamp & ~segment), first = lane & segment;
  int j = lane;
  bool predicate = false;
  if (mode == "up") j = lane - b, predicate = j >= last;
  if (mode == "down") j = lane + b, predicate = j <= last;
  if (mode == "bfly") j = lane ^ b, predicate = j <= last;
  if (mode == "idx") j = first | (b & ~segment), predicate = j <= last;
  return {value_of(static_cast<unsigned>(predicate ? j : lane)), predicate};
}

TEST(Warp, Shuffles) {
  for (const std::string mode : {"up", "down", "bfly", "idx"}) {
    for (const int width : {32, 16, 4}) {
      for (const int b : {0, 1, 3, 17, 31}) {
        const int c = (32 - width) << 8 | (mode == "up" ? 0 : 31);
        fake::run_warp([&](unsigned lane) {
          std::uint32_t d = 0, p = 0;
          run_text("{ .reg .pred p; shfl.sync." + mode +
                       ".b32 %0|p, %2, %3, %4, 0xffffffff; selp.u32 %1, 1, 0, p; }",
                   out("=r", d), out("=r", p), in("r", value_of(lane)), in("r", b), in("r", c));
          const Shuffled wanted = shuffled(mode, static_cast<int>(lane), b, c);
          EXPECT_EQ(d, wanted.value) << mode << " width " << width << " b " << b << " lane " << lane;
          EXPECT_EQ(p, wanted.predicate ? 1u : 0u);
        });
      }
    }
  }
}

TEST(Warp, ShuffleWithinAMask) {
  fake::reset();
  fake::run_warp([&](unsigned lane) {
    if (lane >= 8) return;
    float d = 0;
    run_text("shfl.sync.bfly.b32 %0, %1, 4, 0x1f, 0xff;", out("=f", d), in("f", static_cast<float>(lane)));
    EXPECT_EQ(d, static_cast<float>(lane ^ 4));
    run_text("shfl.sync.down.b32 %0, %1, 4, 31, 255;", out("=f", d), in("f", static_cast<float>(lane)));
    EXPECT_EQ(d, static_cast<float>(lane < 4 ? lane + 4 : lane));
  });
  EXPECT_EQ(fake::device.operations[Operation::shuffle], 2u);
}

TEST(Warp, Votes) {
  for (const std::uint32_t yes : {0u, 0xffffffffu, 0x00010001u, 0x0000ffffu}) {
    fake::run_warp([&](unsigned lane) {
      std::uint32_t all = 9, any = 9, uniform = 9, ballot = 9, none = 9;
      run_text(
          "{ .reg .pred p, q; setp.ne.u32 p, %5, 0; vote.sync.all.pred q, p, 0xffffffff; selp.u32 %0, 1, 0, "
          "q;"
          "vote.sync.any.pred q, p, -1; selp.u32 %1, 1, 0, q; vote.sync.uni.pred q, p, -1; selp.u32 %2, 1, "
          "0, q;"
          "vote.sync.ballot.b32 %3, p, -1; vote.sync.ballot.b32 %4, !p, -1; }",
          out("=r", all), out("=r", any), out("=r", uniform), out("=r", ballot), out("=r", none),
          in("r", yes >> lane & 1));
      EXPECT_EQ(all, yes == ~0u ? 1u : 0u);
      EXPECT_EQ(any, yes != 0 ? 1u : 0u);
      EXPECT_EQ(uniform, yes == ~0u || yes == 0 ? 1u : 0u);
      EXPECT_EQ(ballot, yes);
      EXPECT_EQ(none, ~yes);
    });
  }
  fake::run_warp([](unsigned lane) {
    if (lane % 2 == 1) return;
    std::uint32_t ballot = 0;
    run_text("{ .reg .pred p; setp.lt.u32 p, %1, 8; vote.sync.ballot.b32 %0, p, %2; }", out("=r", ballot),
             in("r", lane), in("r", 0x55555555u));
    EXPECT_EQ(ballot, 0x55u);
  });
}

TEST(Warp, Matches) {
  fake::run_warp([](unsigned lane) {
    std::uint32_t d = 0, p = 9;
    run_text("match.any.sync.b32 %0, %1, 0xffffffff;", out("=r", d), in("r", lane % 3));
    std::uint32_t wanted = 0;
    for (unsigned j = lane % 3; j < 32; j += 3) wanted |= 1u << j;
    EXPECT_EQ(d, wanted);
    const auto all = [&](std::uint64_t value) {
      run_text("{ .reg .pred p; match.all.sync.b64 %0|p, %2, 0xffffffff; selp.u32 %1, 1, 0, p; }",
               out("=r", d), out("=r", p), in("l", value));
    };
    all(std::uint64_t{5} << 32);
    EXPECT_EQ(d, 0xffffffffu);
    EXPECT_EQ(p, 1u);
    all(lane == 9 ? 1 : 0);
    EXPECT_EQ(d, 0u);
    EXPECT_EQ(p, 0u);
  });
}

TEST(Warp, Reductions) {
  fake::run_warp([](unsigned lane) {
    const auto reduced = [&](const std::string& op, std::uint32_t value) {
      std::uint32_t d = 0;
      run_text("redux.sync." + op + " %0, %1, 0xffffffff;", out("=r", d), in("r", value));
      return d;
    };
    EXPECT_EQ(reduced("add.u32", lane), 496u);
    EXPECT_EQ(reduced("add.s32", 0u - lane), 0u - 496u);
    EXPECT_EQ(reduced("min.s32", lane - 16), 0u - 16u);
    EXPECT_EQ(reduced("min.u32", lane - 16), 0u);
    EXPECT_EQ(reduced("max.s32", lane - 16), 15u);
    EXPECT_EQ(reduced("max.u32", lane - 16), 0xffffffffu);
    EXPECT_EQ(reduced("and.b32", lane | 0x100), 0x100u);
    EXPECT_EQ(reduced("or.b32", 1u << lane), 0xffffffffu);
    EXPECT_EQ(reduced("xor.b32", lane == 3 ? 12u : 5u), 12u ^ 5u);
  });
}

TEST(Warp, ElectionAndActiveMask) {
  fake::run_warp([](unsigned lane) {
    if (lane < 4) return;
    std::uint32_t leader = 0, elected = 0, active = 0;
    run_text("{ .reg .pred p; elect.sync %0|p, 0xfffffff0; selp.u32 %1, 1, 0, p; } activemask.b32 %2;",
             out("=r", leader), out("=r", elected), out("=r", active));
    EXPECT_EQ(leader, 4u);
    EXPECT_EQ(elected, lane == 4 ? 1u : 0u);
    EXPECT_EQ(active, 0xffffu);
  });
}

TEST(Warp, BarriersCarryTheirArguments) {
  fake::reset();
  std::uint32_t count = 0, all = 9, any = 9;
  fake::run_warp(
      [&](unsigned) {
        run_text("bar.sync 0; barrier.sync.aligned 3, 64; bar.arrive 5, %0; barrier.sync 2;", in("r", 96));
        run_text(
            "{ .reg .pred p, q; setp.eq.u32 p, 0, 0; bar.red.popc.u32 %0, 1, p; bar.red.and.pred q, 1, 64, "
            "!p;"
            "selp.u32 %1, 1, 0, q; bar.red.or.pred q, 1, 64, p; selp.u32 %2, 1, 0, q; bar.warp.sync 0xff; }",
            out("=r", count), out("=r", all), out("=r", any));
      },
      1);
  const auto& b = fake::device.barriers;
  ASSERT_EQ(b.size(), 7u);
  const auto expect = [&](std::size_t i, int id, unsigned threads, BarrierKind kind, int predicate) {
    EXPECT_EQ(b[i].id, id) << i;
    EXPECT_EQ(b[i].threads, threads) << i;
    EXPECT_EQ(b[i].kind, kind) << i;
    EXPECT_EQ(b[i].predicate, predicate) << i;
  };
  expect(0, 0, 0, BarrierKind::sync, 0);
  expect(1, 3, 64, BarrierKind::sync, 0);
  expect(2, 5, 96, BarrierKind::arrive, 0);
  expect(3, 2, 0, BarrierKind::sync, 0);
  expect(4, 1, 0, BarrierKind::count, 1);
  expect(5, 1, 64, BarrierKind::logical_and, 0);
  expect(6, 1, 64, BarrierKind::logical_or, 1);
  EXPECT_EQ(count, 7u);  // what the stand-in answers
  EXPECT_EQ(all, 0u);
  EXPECT_EQ(any, 1u);
  EXPECT_EQ(fake::device.syncwarp_masks, std::vector<unsigned>{0xffu});
}

TEST(Warp, FencesSleepAndTrap) {
  fake::reset();
  run_text(
      "membar.gl; membar.cta; fence.acq_rel.gpu; fence.sc.cta; fence.proxy.async; "
      "fence.proxy.async.shared::cta; nanosleep.u32 100;");
  EXPECT_EQ(fake::device.operations[Operation::fence], 6u);
  EXPECT_EQ(fake::device.yields, 1u);
  EXPECT_THROW(run_text("trap;"), fake::Stopped);
}

}  // namespace
}  // namespace attnlab::emulator::ptx
