// Does the stand-in for the emulator run a warp as the other tests here assume: collectives meet,
// asynchronous copies arrive at the wait, an exception leaves the warp?
#include "tests/simulator/emulator/ptx/fake_device.h"

#include <gtest/gtest.h>
#include <ucontext.h>

#include <cstring>
#include <deque>
#include <memory>

namespace attnlab::emulator {
namespace fake {

thread_local Device device;
alignas(128) std::array<unsigned char, 32768> shared_memory;

namespace {

struct Copy {
  void* to;
  const void* from;
  unsigned bytes, source_bytes;
};
struct LaneState {
  ucontext_t context{};
  std::vector<char> stack = std::vector<char>(65536);  // as the emulator's
  bool running = false;
  const void* waits_for = nullptr;
  void* collective = nullptr;
  WarpFunction function = nullptr;
  unsigned mask = 0;
  std::vector<Copy> open;
  std::deque<std::vector<Copy>> groups;
};
std::array<std::unique_ptr<LaneState>, kWarpSize> lanes;
ucontext_t scheduler;
unsigned current = 0;
bool in_warp = false;
const std::function<void(unsigned)>* body = nullptr;
std::exception_ptr failure;

void enter() {
  try {
    (*body)(current);
  } catch (...) {
    if (!failure) failure = std::current_exception();
  }
  lanes[current]->running = false;
  setcontext(&scheduler);
}
void switch_away() { swapcontext(&lanes[current]->context, &scheduler); }

void finish(const std::vector<Copy>& group) {
  for (const Copy& copy : group) {
    std::memset(copy.to, 0, copy.bytes);
    std::memcpy(copy.to, copy.from, copy.source_bytes);
  }
}

}  // namespace

void reset() { device = {}; }

void run_warp(const std::function<void(unsigned)>& run, unsigned count) {
  body = &run;
  failure = nullptr;
  in_warp = true;
  for (unsigned i = 0; i < count; ++i) {
    if (!lanes[i]) lanes[i] = std::make_unique<LaneState>();
    LaneState& l = *lanes[i];
    l.running = true;
    l.function = nullptr;
    l.open.clear();
    l.groups.clear();
    getcontext(&l.context);
    l.context.uc_stack.ss_sp = l.stack.data();
    l.context.uc_stack.ss_size = l.stack.size();
    makecontext(&l.context, enter, 0);
  }
  for (bool any = true; any && !failure;) {
    any = false;
    for (unsigned i = 0; i < count && !failure; ++i) {
      if (!lanes[i]->running) continue;
      any = true;
      current = i;
      swapcontext(&scheduler, &lanes[i]->context);
    }
  }
  in_warp = false;
  current = 0;
  if (failure) std::rethrow_exception(failure);
}

}  // namespace fake

using fake::device;

Index3 thread_index() { return {fake::current, 0, 0}; }
Index3 block_index() { return {3, 5, 7}; }
Index3 block_dim() { return {32, 2, 1}; }
Index3 grid_dim() { return {11, 13, 17}; }
unsigned lane_id() { return fake::current; }
unsigned warp_id() { return 0; }
unsigned sm_id() { return 42; }
bool on_device() { return true; }
std::uint64_t clock() {
  static std::uint64_t time = std::uint64_t{9} << 32;
  return ++time;
}

void record_load(const void* address, unsigned bytes, const void* site, bool bypass_l1) {
  if (bypass_l1) ++device.loads_bypassing_l1;
  device.accesses.push_back({fake::Access::Kind::load, address, bytes, fake::current, site});
}
void record_store(const void* address, unsigned bytes, const void* site) {
  device.accesses.push_back({fake::Access::Kind::store, address, bytes, fake::current, site});
}
void record_atomic(const void* address, unsigned bytes, bool returns, const void* site) {
  using Kind = fake::Access::Kind;
  device.accesses.push_back({returns ? Kind::atomic : Kind::reduction, address, bytes, fake::current, site});
}
void record_operation(Operation kind, std::uint64_t count, const void*) { device.operations[kind] += count; }

void yield() {
  ++device.yields;
  if (fake::in_warp) fake::switch_away();
}
void block_ordered() { ++device.orderings; }
int block_barrier(int id, unsigned threads, BarrierKind kind, int predicate, const void*) {
  device.barriers.push_back({id, threads, kind, predicate, fake::current});
  if (kind == BarrierKind::count) return 7;
  return kind == BarrierKind::logical_and ? 0 : kind == BarrierKind::logical_or ? 1 : 0;
}
void syncwarp(unsigned mask, const void*) { device.syncwarp_masks.push_back(mask); }
unsigned active_mask(const void*) { return 0x0000ffffu; }

void warp_collective(unsigned mask, void* mine, WarpFunction run, Operation kind, const void*) {
  if (!fake::in_warp) throw std::logic_error("a collective outside of run_warp");
  fake::LaneState& me = *fake::lanes[fake::current];
  if ((mask >> fake::current & 1) == 0) throw fake::Stopped("a lane outside of its own mask");
  me.collective = mine, me.function = run, me.mask = mask;
  void* pointers[kWarpSize] = {};
  bool complete = true;
  for (unsigned i = 0; i < kWarpSize; ++i) {
    if ((mask >> i & 1) == 0) continue;
    const auto& other = fake::lanes[i];
    if (!other || other->function == nullptr || other->mask != mask) {
      complete = false;
    } else {
      if (other->function != run) throw fake::Stopped("lanes disagree about the collective");
      pointers[i] = other->collective;
    }
  }
  if (!complete) {
    while (me.function != nullptr) fake::switch_away();
    return;
  }
  device.operations[kind] += 1;
  run(pointers, mask);
  for (unsigned i = 0; i < kWarpSize; ++i)
    if (pointers[i] != nullptr) fake::lanes[i]->function = nullptr;
}

void async_copy(void* shared, const void* global, unsigned bytes, unsigned source_bytes, bool bypass_l1,
                const void*) {
  std::memset(shared, 0xcd, bytes);
  fake::lanes[fake::current]->open.push_back({shared, global, bytes, source_bytes});
  if (bypass_l1) ++device.bypassing_copies;
}
void async_commit() {
  fake::LaneState& me = *fake::lanes[fake::current];
  me.groups.push_back(std::exchange(me.open, {}));
}
void async_wait(unsigned groups_left, const void*) {
  fake::LaneState& me = *fake::lanes[fake::current];
  for (; me.groups.size() > groups_left; me.groups.pop_front()) fake::finish(me.groups.front());
}

Space space_of(const void* address) {
  const auto* p = static_cast<const unsigned char*>(address);
  const bool shared =
      p >= fake::shared_memory.data() && p < fake::shared_memory.data() + fake::shared_memory.size();
  return shared ? Space::shared : Space::global;
}
std::uint32_t shared_offset(const void* address) {
  return fake::shared_begin +
         static_cast<std::uint32_t>(static_cast<const unsigned char*>(address) - fake::shared_memory.data());
}
void* shared_address(std::uint32_t offset) {
  return fake::shared_memory.data() + (offset - fake::shared_begin);
}
void* dynamic_shared() { return fake::shared_memory.data(); }
std::uint32_t dynamic_shared_bytes() { return 4096; }

void unsupported(const char* construct, const void*) { throw fake::Stopped(construct); }
void trap(const char* why, const void*) { throw fake::Stopped(why); }
void assertion_failed(const char* expression, const char*, unsigned) { throw fake::Stopped(expression); }

namespace {

TEST(FakeDevice, CollectiveSeesEveryLane) {
  std::array<unsigned, kWarpSize> sums{};
  fake::run_warp([&](unsigned lane) {
    struct Mine {
      unsigned value, sum;
    } mine{lane, 0};
    for (int round = 0; round < 2; ++round) {
      warp_collective(
          kFullMask, &mine,
          [](void* const* lanes, unsigned) {
            unsigned sum = 0;
            for (unsigned i = 0; i < kWarpSize; ++i) sum += static_cast<Mine*>(lanes[i])->value;
            for (unsigned i = 0; i < kWarpSize; ++i) static_cast<Mine*>(lanes[i])->sum += sum;
          },
          Operation::vote);
    }
    sums[lane] = mine.sum;
  });
  for (const unsigned sum : sums) EXPECT_EQ(sum, 2 * 496u);
}

TEST(FakeDevice, CopyArrivesAtItsWait) {
  const std::uint32_t source = 77;
  fake::run_warp(
      [&](unsigned) {
        auto* target = reinterpret_cast<std::uint32_t*>(fake::shared_memory.data());
        async_copy(target, &source, 4, 4, false);
        async_commit();
        async_wait(1);
        EXPECT_EQ(*target, 0xcdcdcdcdu);
        async_wait(0);
        EXPECT_EQ(*target, 77u);
      },
      1);
}

TEST(FakeDevice, ExceptionLeavesTheWarp) {
  EXPECT_THROW(fake::run_warp([](unsigned lane) {
                 if (lane == 3) trap("lane 3");
                 syncwarp();
               }),
               fake::Stopped);
}

}  // namespace
}  // namespace attnlab::emulator
