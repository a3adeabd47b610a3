// Do loads, stores and atomics reach the right bytes, extend them rightly, and tell the emulator of each
// access once, with its size?
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstring>
#include <thread>

#include "tests/simulator/emulator/ptx/evaluate.h"

namespace attnlab::emulator::ptx {
namespace {

using fake::Access;

class Memory : public testing::Test {
 protected:
  void SetUp() override {
    fake::reset();
    for (unsigned i = 0; i < 256; ++i) bytes[i] = static_cast<unsigned char>(0x80 + 7 * i);
    std::memcpy(fake::shared_memory.data(), bytes.data(), bytes.size());
  }
  template <class T>
  T at(std::size_t offset) const {
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
  }
  void expect_access(Access::Kind kind, const void* address, unsigned size) {
    ASSERT_EQ(fake::device.accesses.size(), 1u);
    EXPECT_EQ(fake::device.accesses[0].kind, kind);
    EXPECT_EQ(fake::device.accesses[0].address, address);
    EXPECT_EQ(fake::device.accesses[0].bytes, size);
    EXPECT_NE(fake::device.accesses[0].site, nullptr);
    fake::reset();
  }

  alignas(16) std::array<unsigned char, 256> bytes{};
};

TEST_F(Memory, LoadsOfEveryType) {
  std::uint32_t r = 0;
  std::uint64_t l = 0;
  std::uint16_t h = 0;
  float f = 0;
  run_text("ld.global.u8 %0, [%1];", out("=r", r), in("l", bytes.data() + 1));
  EXPECT_EQ(r, bytes[1]);
  expect_access(Access::Kind::load, bytes.data() + 1, 1);
  run_text("ld.global.s8 %0, [%1];", out("=r", r), in("l", bytes.data() + 1));
  EXPECT_EQ(r, static_cast<std::uint32_t>(static_cast<std::int8_t>(bytes[1])));
  fake::reset();
  run_text("ld.s16 %0, [%1+2];", out("=l", l), in("l", bytes.data()));
  EXPECT_EQ(l, static_cast<std::uint64_t>(at<std::int16_t>(2)));
  expect_access(Access::Kind::load, bytes.data() + 2, 2);
  run_text("ld.global.b16 %0, [%1+4];", out("=h", h), in("l", bytes.data()));
  EXPECT_EQ(h, at<std::uint16_t>(4));
  fake::reset();
  run_text("ld.global.ca.f32 %0, [%1+-4];", out("=f", f), in("l", bytes.data() + 12));
  EXPECT_EQ(std::bit_cast<std::uint32_t>(f), at<std::uint32_t>(8));
  expect_access(Access::Kind::load, bytes.data() + 8, 4);
  run_text("ld.global.nc.L1::no_allocate.L2::128B.u64 %0, [%1 + %2];", out("=l", l), in("l", bytes.data()),
           in("n", 16));
  EXPECT_EQ(l, at<std::uint64_t>(16));
  expect_access(Access::Kind::load, bytes.data() + 16, 8);
  run_text("ld.const.u32 %0, [%1];", out("=r", r), in("l", bytes.data()));
  EXPECT_EQ(r, at<std::uint32_t>(0));
}

TEST_F(Memory, AVectorIsOneAccess) {
  std::array<float, 4> f{};
  run_text("ld.global.v4.f32 {%0, %1, %2, %3}, [%4+16];", out("=f", f[0]), out("=f", f[1]), out("=f", f[2]),
           out("=f", f[3]), in("l", bytes.data()));
  EXPECT_EQ(std::memcmp(f.data(), bytes.data() + 16, 16), 0);
  expect_access(Access::Kind::load, bytes.data() + 16, 16);
  std::uint64_t a = 0, b = 0;
  run_text("ld.global.v2.u64 {%0, %1}, [%2];", out("=l", a), out("=l", b), in("l", bytes.data()));
  EXPECT_EQ(a, at<std::uint64_t>(0));
  EXPECT_EQ(b, at<std::uint64_t>(8));
  expect_access(Access::Kind::load, bytes.data(), 16);
  std::uint32_t narrow[4];
  run_text("ld.v4.u8 {%0, %1, %2, %3}, [%4];", out("=r", narrow[0]), out("=r", narrow[1]),
           out("=r", narrow[2]), out("=r", narrow[3]), in("l", bytes.data()));
  for (unsigned i = 0; i < 4; ++i) EXPECT_EQ(narrow[i], bytes[i]);
  expect_access(Access::Kind::load, bytes.data(), 4);
  __extension__ unsigned __int128 q = 0;
  run_text("ld.global.b128 %0, [%1];", out("=q", q), in("l", bytes.data() + 32));
  EXPECT_EQ(std::memcmp(&q, bytes.data() + 32, 16), 0);
  expect_access(Access::Kind::load, bytes.data() + 32, 16);
}

TEST_F(Memory, Stores) {
  run_text("st.global.u8 [%0+5], %1;", in("l", bytes.data()), in("r", 0xabcdu));
  EXPECT_EQ(bytes[5], 0xcd);
  EXPECT_EQ(bytes[6], static_cast<unsigned char>(0x80 + 7 * 6));
  expect_access(Access::Kind::store, bytes.data() + 5, 1);
  run_text("st.global.cs.v4.b32 [%0], {%1, %2, %3, %4};", in("l", bytes.data()), in("r", 1u), in("r", 2u),
           in("r", 3u), in("r", 4u));
  EXPECT_EQ(at<std::uint32_t>(0), 1u);
  EXPECT_EQ(at<std::uint32_t>(12), 4u);
  expect_access(Access::Kind::store, bytes.data(), 16);
  run_text("st.volatile.global.f64 [%0], %1;", in("l", bytes.data()), in("d", 2.5));
  EXPECT_EQ(at<double>(0), 2.5);
  run_text("st.release.gpu.global.u32 [%0], 9; st.relaxed.sys.u32 [%0+4], 8;", in("l", bytes.data()));
  EXPECT_EQ(at<std::uint64_t>(0), 0x0000000800000009u);
  __extension__ const auto wide = static_cast<unsigned __int128>(7) << 64 | 6;
  run_text("st.global.b128 [%0], %1;", in("l", bytes.data()), in("q", wide));
  EXPECT_EQ(at<std::uint64_t>(8), 7u);
}

TEST_F(Memory, SharedAddresses) {
  const std::uint32_t offset = fake::shared_begin + 8;
  std::uint32_t r = 0;
  run_text("ld.shared.u32 %0, [%1+4];", out("=r", r), in("r", offset));
  EXPECT_EQ(r, at<std::uint32_t>(12));
  expect_access(Access::Kind::load, fake::shared_memory.data() + 12, 4);
  run_text("st.shared::cta.v2.u32 [%0], {%1, %1};", in("r", offset), in("r", 5u));
  EXPECT_EQ(fake::shared_memory[8], 5);
  EXPECT_EQ(fake::shared_memory[12], 5);
  expect_access(Access::Kind::store, fake::shared_memory.data() + 8, 8);
  run_text("ld.shared.u32 %0, [%1];", out("=r", r), in("l", std::uint64_t{offset}));
  EXPECT_EQ(r, 5u);
  // From a generic pointer and back.
  const void* generic = fake::shared_memory.data() + 100;
  std::uint64_t window = 0, back = 0;
  run_text("cvta.to.shared.u64 %0, %1;", out("=l", window), in("l", generic));
  EXPECT_EQ(window, fake::shared_begin + 100);
  run_text("cvta.shared.u64 %0, %1;", out("=l", back), in("l", window));
  EXPECT_EQ(back, reinterpret_cast<std::uint64_t>(generic));
  run_text("{ .reg .u64 t; cvta.to.shared.u64 t, %1; cvt.u32.u64 %0, t; }", out("=r", r), in("l", generic));
  EXPECT_EQ(r, fake::shared_begin + 100);
  run_text("cvta.to.global.u64 %0, %1;", out("=l", back), in("l", generic));
  EXPECT_EQ(back, reinterpret_cast<std::uint64_t>(generic));
}

TEST_F(Memory, SpaceOfAnAddress) {
  const auto is = [](const std::string& space, const void* p) {
    std::uint32_t d = 0;
    run_text("{ .reg .pred p; isspacep." + space + " p, %1; selp.u32 %0, 1, 0, p; }", out("=r", d),
             in("l", p));
    return d;
  };
  EXPECT_EQ(is("shared", fake::shared_memory.data()), 1u);
  EXPECT_EQ(is("shared", bytes.data()), 0u);
  EXPECT_EQ(is("global", bytes.data()), 1u);
  EXPECT_EQ(is("local", bytes.data()), 0u);
}

// Accesses of one statement share its place in the code; what is above tells them apart, in the text's order.
TEST_F(Memory, AccessesOfOneStatementAreToldApart) {
  std::uint32_t r = 0;
  run_text("ld.global.u32 %0, [%1]; ld.global.u32 %0, [%1+4]; st.global.u32 [%1], %0;", out("=r", r),
           in("l", bytes.data()));
  const auto site = [](std::size_t i) {
    return reinterpret_cast<std::uintptr_t>(fake::device.accesses.at(i).site);
  };
  for (const std::size_t i : {1, 2}) {
    EXPECT_GT(site(i) >> 48, site(i - 1) >> 48);
    EXPECT_EQ(site(i) << 16, site(0) << 16);
  }
}

TEST_F(Memory, GuardedAccessesDoNotHappen) {
  for (const int n : {0, 1}) {
    fake::reset();
    std::uint32_t r = 99;
    run_text("{ .reg .pred p; setp.ne.b32 p, %2, 0; @p ld.global.u32 %0, [%1]; }", inout("+r", r),
             in("l", n == 0 ? nullptr : bytes.data()), in("r", n));
    EXPECT_EQ(r, n == 0 ? 99u : at<std::uint32_t>(0));
    EXPECT_EQ(fake::device.accesses.size(), static_cast<std::size_t>(n));
  }
}

TEST_F(Memory, PrefetchesAndPoliciesDoNothing) {
  std::uint32_t r = 0;
  run_text(
      "{ .reg .b64 policy; createpolicy.fractional.L2::evict_last.b64 policy, 1.0; prefetch.global.L2 [%1]; "
      "prefetchu.L1 [%1];"
      "ld.global.L2::cache_hint.u32 %0, [%1], policy; }",
      out("=r", r), in("l", bytes.data()));
  EXPECT_EQ(r, at<std::uint32_t>(0));
  expect_access(Access::Kind::load, bytes.data(), 4);
}

// Every operation: the old value comes back, the new one lies there.
TEST_F(Memory, Atomics) {
  const auto expect = [&](const std::string& op, auto old, auto operand, auto wanted) {
    using T = decltype(old);
    static_assert(std::is_same_v<T, decltype(wanted)>);
    for (const bool shared : {false, true}) {
      for (const bool returns : {true, false}) {
        if (!returns && (op.starts_with("exch") || op.starts_with("cas"))) continue;
        alignas(8) T cell = old;
        T* target = shared ? reinterpret_cast<T*>(fake::shared_memory.data() + 64) : &cell;
        *target = old;
        fake::reset();
        T before{};
        const std::string space = shared ? ".shared" : ".global";
        const auto address =
            shared ? std::uint64_t{fake::shared_begin + 64} : reinterpret_cast<std::uint64_t>(target);
        if (returns) {
          run_text("atom" + space + "." + op + " %0, [%1], %2;", out(constraint_of<T>(), before),
                   in("l", address), in(constraint_of<T>() + 1, static_cast<T>(operand)));
        } else {
          run_text("red" + space + "." + op + " [%0], %1;", in("l", address),
                   in(constraint_of<T>() + 1, static_cast<T>(operand)));
        }
        EXPECT_EQ(before, returns ? old : T{}) << op;
        EXPECT_EQ(*target, wanted) << op << space;
        expect_access(returns ? Access::Kind::atomic : Access::Kind::reduction, target, sizeof(T));
      }
    }
  };
  expect("add.u32", 5u, 7u, 12u);
  expect("add.s32", -5, 3, -2);
  expect("add.u64", std::uint64_t{1} << 40, std::uint64_t{1}, (std::uint64_t{1} << 40) + 1);
  expect("add.f32", 1.5f, 2.0f, 3.5f);
  expect("add.f64", 1.5, 2.0, 3.5);
  expect("add.noftz.f16", std::uint16_t{0x3c00}, std::uint16_t{0x4000}, std::uint16_t{0x4200});
  expect("add.noftz.bf16", std::uint16_t{0x3f80}, std::uint16_t{0x4000}, std::uint16_t{0x4040});
  expect("add.noftz.f16x2", 0x3c003c00u, 0x40003c00u, 0x42004000u);
  expect("add.noftz.bf16x2", 0x3f803f80u, 0x40003f80u, 0x40404000u);
  expect("min.s32", 5, -7, -7);
  expect("min.u32", 5u, 0xfffffff9u, 5u);
  expect("max.s64", std::int64_t{-1}, std::int64_t{4}, std::int64_t{4});
  expect("max.u64", ~std::uint64_t{0}, std::uint64_t{4}, ~std::uint64_t{0});
  expect("and.b32", 0xffu, 0x3cu, 0x3cu);
  expect("or.b64", std::uint64_t{1}, std::uint64_t{6}, std::uint64_t{7});
  expect("xor.b32", 0xffu, 0x0fu, 0xf0u);
  expect("exch.b32", 5u, 9u, 9u);
  expect("exch.b64", std::uint64_t{5}, std::uint64_t{9}, std::uint64_t{9});
  expect("inc.u32", 3u, 5u, 4u);
  expect("inc.u32", 5u, 5u, 0u);
  expect("dec.u32", 3u, 5u, 2u);
  expect("dec.u32", 0u, 5u, 5u);
  expect("dec.u32", 9u, 5u, 5u);
}

TEST_F(Memory, CompareAndSwap) {
  for (const std::uint32_t expected : {5u, 6u}) {
    std::uint32_t cell = 5, before = 0;
    run_text("atom.acq_rel.gpu.global.cas.b32 %0, [%1], %2, %3;", out("=r", before), in("l", &cell),
             in("r", expected), in("r", 9u));
    EXPECT_EQ(before, 5u);
    EXPECT_EQ(cell, expected == 5 ? 9u : 5u);
  }
}

TEST_F(Memory, FloatAtomicsFlushInGlobalMemoryOnly) {
  alignas(8) float global = 0;
  auto* shared = reinterpret_cast<float*>(fake::shared_memory.data());
  *shared = 0;
  run_text("red.global.add.f32 [%0], %1;", in("l", &global), in("f", 0x1p-140f));
  run_text("red.shared.add.f32 [%0], %1;", in("r", fake::shared_begin), in("f", 0x1p-140f));
  EXPECT_EQ(global, 0.0f);
  EXPECT_EQ(*shared, 0x1p-140f);
}

TEST_F(Memory, AtomicAcrossThreadsOfTheHost) {
  alignas(8) float sum = 0;
  const char* text = interned("red.global.add.f32 [%0], %1;");
  std::atomic<int> waiting = 2;
  const auto work = [&] {
    for (--waiting; waiting != 0;) std::this_thread::yield();
    for (int i = 0; i < 200000; ++i) execute(text, "test.cu", 1, in("l", &sum), in("f", 1.0f));
  };
  std::thread other(work);
  work();
  other.join();
  EXPECT_EQ(sum, 400000.0f);
}

}  // namespace
}  // namespace attnlab::emulator::ptx
