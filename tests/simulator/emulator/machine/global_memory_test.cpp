// Does every allocation of the emulated device stand alone, is what was freed still known, and does the map
// say of each byte whether it was written?
#include "simulator/emulator/machine/global_memory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <barrier>
#include <cstring>
#include <fstream>
#include <random>
#include <thread>
#include <vector>

namespace {

using namespace attnlab::emulator::global_memory;

[[gnu::section("attnlab_device"), gnu::used]] int a_device_variable[3] = {1, 2, 3};
[[gnu::section("attnlab_constant"), gnu::used]] int a_constant_variable = 4;

const void* const kCaller = &kCaller;

class GlobalMemory : public testing::Test {
 protected:
  ~GlobalMemory() override {
    for (const Allocation& a : live()) release(reinterpret_cast<void*>(a.begin), a.kind, nullptr);
  }
  static std::byte* get(std::size_t bytes, Kind kind = Kind::device) {
    auto* const p = static_cast<std::byte*>(allocate(bytes, kind, kCaller));
    EXPECT_NE(p, nullptr) << bytes << " bytes";
    return p;
  }
};

bool written(const std::byte* p) { return initialised(p, 1); }

TEST_F(GlobalMemory, AllocationsAreAlignedAndHaveGuardsOnBothSides) {
  std::vector<Allocation> all;
  for (const std::size_t bytes : {0ul, 1ul, 511ul, 512ul, 513ul, 4096ul, 100'000ul, 10'000'000ul, 7ul}) {
    const std::byte* p = get(bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(p) % kAlignment, 0u);
    EXPECT_TRUE(contains(p));
    all.push_back(*find(p));
    EXPECT_EQ(all.back().bytes, bytes);
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.begin < b.begin; });
  for (std::size_t i = 1; i < all.size(); ++i) {
    const std::size_t gap = all[i].begin - all[i - 1].end();
    EXPECT_GE(gap, std::max(guard_bytes(all[i].bytes), guard_bytes(all[i - 1].bytes)));
  }
}

TEST_F(GlobalMemory, GuardsAreAnEighthBetweenTheirLimits) {
  EXPECT_EQ(guard_bytes(0), 4096u);
  EXPECT_EQ(guard_bytes(32768), 4096u);
  EXPECT_EQ(guard_bytes(1 << 20), 131072u);
  EXPECT_EQ(guard_bytes(std::size_t{8} << 30), std::size_t{64} << 20);
  for (const std::size_t bytes : {1ul, 40'000ul, 1'234'567ul}) EXPECT_EQ(guard_bytes(bytes) % kAlignment, 0u);
}

TEST_F(GlobalMemory, FindsTheAllocationAroundAnAddressOrTheNearest) {
  const std::byte *a = get(1000), *b = get(2000);
  const std::byte *low = std::min(a, b), *high = std::max(a, b);
  const std::size_t low_bytes = low == a ? 1000 : 2000;
  EXPECT_EQ(find(low)->begin, reinterpret_cast<std::uintptr_t>(low));
  EXPECT_EQ(find(low + low_bytes - 1), find(low));
  EXPECT_EQ(find(low + low_bytes + 16), find(low)) << "just past its end";
  EXPECT_EQ(find(low - 16), find(low)) << "just before it";
  EXPECT_EQ(find(high - 16), find(high)) << "nearer to the next one";
  EXPECT_EQ(find(low)->caller, kCaller);
  EXPECT_EQ(find(b)->serial, find(a)->serial + 1);
}

TEST_F(GlobalMemory, FindLiveWantsEveryByteInOneLiveAllocation) {
  std::byte* p = get(100);
  EXPECT_NE(find_live(p, 100), nullptr);
  EXPECT_NE(find_live(p + 99, 1), nullptr);
  EXPECT_EQ(find_live(p + 99, 2), nullptr);
  EXPECT_EQ(find_live(p - 1, 2), nullptr);
  EXPECT_EQ(find_live(p, ~std::size_t{0}), nullptr);
  release(p, Kind::device, nullptr);
  EXPECT_EQ(find_live(p, 1), nullptr);
}

TEST_F(GlobalMemory, WhatWasFreedIsKnownAndItsAddressesWait) {
  std::byte* first = get(4096);
  const std::uint64_t before = version();
  const void* const by = &before;
  EXPECT_TRUE(release(first, Kind::device, by));
  EXPECT_NE(version(), before);
  EXPECT_FALSE(find(first)->live);
  EXPECT_EQ(find(first)->released_by, by);
  EXPECT_FALSE(release(first, Kind::device, by)) << "twice";
  for (int i = 0; i < 100; ++i) {
    std::byte* next = get(4096);
    EXPECT_NE(next, first);
    release(next, Kind::device, nullptr);
  }
  EXPECT_EQ(find(first + 5)->begin, reinterpret_cast<std::uintptr_t>(first));
}

TEST_F(GlobalMemory, OnlyTheBeginningOfAnAllocationOfThatKindIsReleased) {
  std::byte* p = get(64, Kind::pinned);
  EXPECT_FALSE(release(p, Kind::device, nullptr));
  EXPECT_FALSE(release(p, Kind::managed, nullptr));
  EXPECT_FALSE(release(p + 8, Kind::pinned, nullptr));
  int on_the_stack = 0;
  EXPECT_FALSE(release(&on_the_stack, Kind::pinned, nullptr));
  EXPECT_TRUE(release(p, Kind::pinned, nullptr));
}

TEST_F(GlobalMemory, AddressesComeBackWhenTheRangeIsUsedUpAndNeverOverALiveAllocation) {
  const std::byte* kept[] = {get(1000), get(5000), get(64)};
  const std::size_t piece = reserved_bytes() / 5;
  std::vector<std::uintptr_t> begins;
  for (int i = 0; i < 12; ++i) {
    std::byte* p = get(piece);
    ASSERT_NE(p, nullptr);
    const Allocation here = *find(p);
    for (const std::byte* k : kept) {
      const Allocation* other = find_live(k, 64);
      ASSERT_NE(other, nullptr);
      EXPECT_TRUE(other->end() + guard_bytes(piece) <= here.begin ||
                  here.end() + guard_bytes(piece) <= other->begin);
    }
    begins.push_back(here.begin);
    release(p, Kind::device, nullptr);
  }
  EXPECT_NE(begins[1], begins[0]);
  std::sort(begins.begin(), begins.end());
  EXPECT_LT(static_cast<std::size_t>(std::unique(begins.begin(), begins.end()) - begins.begin()), 12u);
}

TEST_F(GlobalMemory, WhatDoesNotFitIsRefused) {
  EXPECT_EQ(allocate(reserved_bytes(), Kind::device, nullptr), nullptr);
  EXPECT_EQ(allocate(~std::size_t{0}, Kind::device, nullptr), nullptr);
  const std::size_t third = reserved_bytes() / 3;
  std::byte *a = get(third), *b = get(third);
  EXPECT_EQ(allocate(third, Kind::device, nullptr), nullptr);
  EXPECT_TRUE(release(a, Kind::device, nullptr));
  EXPECT_TRUE(release(b, Kind::device, nullptr));
}

TEST_F(GlobalMemory, LiveAllocationsAreListedInOrderAndSummed) {
  EXPECT_TRUE(live().empty());
  std::byte* a = get(10);
  get(20, Kind::managed);
  get(30);
  release(a, Kind::device, nullptr);
  const std::vector<Allocation> left = live();
  ASSERT_EQ(left.size(), 2u);
  EXPECT_EQ(left[0].kind, Kind::managed);
  EXPECT_EQ(left[1].bytes, 30u);
  EXPECT_EQ(live_bytes(Kind::device), 30u);
  EXPECT_EQ(live_bytes(Kind::managed), 20u);
  EXPECT_EQ(live_bytes(Kind::pinned), 0u);
}

TEST_F(GlobalMemory, FreshDeviceMemoryIsPoisonAndOtherMemoryZero) {
  for (int round = 0; round < 2; ++round) {
    std::byte *device = get(1000), *managed = get(1000, Kind::managed);
    for (int i = 0; i < 1000; ++i) {
      ASSERT_EQ(device[i], std::byte{kPoison});
      ASSERT_EQ(managed[i], std::byte{0});
    }
    std::memset(managed, 5, 1000);
    release(device, Kind::device, nullptr);
    release(managed, Kind::managed, nullptr);
  }
}

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t size = 0, resident = 0;
  file >> size >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

TEST_F(GlobalMemory, FreedMemoryAndItsMapAreGivenBack) {
  constexpr std::size_t bytes = 256 << 20;
  std::byte* p = get(bytes);
  std::memset(p, 1, bytes);
  mark_initialised(p, bytes);
  const std::size_t full = resident_bytes();
  release(p, Kind::device, nullptr);
  EXPECT_LT(resident_bytes() + bytes + bytes / 16, full);
}

TEST_F(GlobalMemory, EachByteIsMarkedAlone) {
  std::mt19937 random(1);
  constexpr std::size_t bytes = 1000;
  for (int round = 0; round < 50; ++round) {
    std::byte* p = get(bytes);
    std::vector<bool> model(bytes);
    for (int i = 0; i < 30; ++i) {
      const std::size_t begin = random() % bytes;
      const std::size_t size = random() % (i % 2 == 0 ? 17 : 300) % (bytes - begin + 1);
      mark_initialised(p + begin, size);
      std::fill_n(model.begin() + static_cast<long>(begin), size, true);
    }
    for (std::size_t i = 0; i < bytes; ++i) ASSERT_EQ(written(p + i), model[i]) << "byte " << i;
    for (int i = 0; i < 100; ++i) {
      const std::size_t begin = random() % bytes, size = random() % (bytes - begin + 1);
      const auto first = model.begin() + static_cast<long>(begin);
      const bool all = std::all_of(first, first + static_cast<long>(size), [](bool b) { return b; });
      ASSERT_EQ(initialised(p + begin, size), all) << begin << " + " << size;
    }
    release(p, Kind::device, nullptr);
  }
}

TEST_F(GlobalMemory, AReusedAddressIsUninitialisedAgain) {
  const std::size_t piece = reserved_bytes() / 3;
  std::byte* p = get(piece);
  mark_initialised(p + 100, 100'000);
  const std::byte* const begin = p;
  bool reused = false;
  for (int i = 0; i < 8 && !reused; ++i) {
    release(p, Kind::device, nullptr);
    mark_initialised(begin + 300, 100);  // by a kernel that writes to what was freed
    p = get(piece);
    reused = p <= begin && begin < p + piece / 2;
  }
  ASSERT_TRUE(reused);
  for (int i = 0; i < 200'000; i += 37) ASSERT_FALSE(written(begin + i)) << i;
}

TEST_F(GlobalMemory, WhatTheHostReachesCountsAsInitialised) {
  std::byte *managed = get(4096, Kind::managed), *pinned = get(4096, Kind::pinned);
  EXPECT_TRUE(initialised(managed, 4096));
  EXPECT_TRUE(initialised(pinned + 60, 16));
  EXPECT_FALSE(initialised(pinned + 4096, 1)) << "past the end";
  release(managed, Kind::managed, nullptr);
  EXPECT_FALSE(initialised(managed, 1)) << "freed";
}

TEST_F(GlobalMemory, CopiesTakeUninitialisedBytesAlong) {
  std::mt19937 random(2);
  constexpr std::size_t bytes = 700;
  for (int round = 0; round < 300; ++round) {
    std::byte* p = get(bytes);
    std::vector<bool> model(bytes);
    for (std::size_t i = 0; i < bytes; ++i) {
      model[i] = random() % 3 != 0;
      if (model[i]) mark_initialised(p + i, 1);
    }
    // Within one allocation, so that the two often overlap.
    const std::size_t size = random() % 400, from = random() % (bytes - size), to = random() % (bytes - size);
    copy_initialised(p + to, p + from, size);
    const std::vector<bool> before = model;
    for (std::size_t i = 0; i < size; ++i) model[to + i] = before[from + i];
    for (std::size_t i = 0; i < bytes; ++i) {
      ASSERT_EQ(written(p + i), model[i])
          << "byte " << i << " of " << size << " from " << from << " to " << to;
    }
    release(p, Kind::device, nullptr);
  }
}

TEST_F(GlobalMemory, ACopyFromPinnedMemoryIsInitialised) {
  std::byte *device = get(256), *pinned = get(256, Kind::pinned);
  copy_initialised(device + 10, pinned, 100);
  EXPECT_TRUE(initialised(device + 10, 100));
  EXPECT_FALSE(written(device + 9));
  EXPECT_FALSE(written(device + 110));
}

TEST_F(GlobalMemory, ThreadsThatMarkNeighbouringBytesLoseNone) {
  constexpr std::size_t threads = 4, bytes = 8 << 20;
  std::byte* p = get(bytes);
  std::barrier together(threads);
  std::vector<std::thread> all;
  for (std::size_t t = 0; t < threads; ++t) {
    all.emplace_back([p, t, &together] {
      together.arrive_and_wait();
      for (std::size_t i = t; i < bytes; i += threads) mark_initialised(p + i, 1);
    });
  }
  for (std::thread& t : all) t.join();
  EXPECT_TRUE(initialised(p, bytes));
}

TEST_F(GlobalMemory, ThreadsMayAllocateFreeAndFindAtOnce) {
  std::byte* kept = get(100);
  std::vector<std::thread> all;
  for (int t = 0; t < 4; ++t) {
    all.emplace_back([kept] {
      for (int i = 0; i < 2000; ++i) {
        std::byte* p = get(100);
        EXPECT_NE(find_live(p, 100), nullptr);
        EXPECT_NE(find_live(kept, 100), nullptr);
        EXPECT_TRUE(release(p, Kind::device, nullptr));
        EXPECT_EQ(find_live(p, 1), nullptr);
      }
    });
  }
  for (std::thread& t : all) t.join();
  EXPECT_EQ(live().size(), 1u);
}

TEST(Variables, OfTheProgramAreKnownByTheirSections) {
  const auto holds = [](std::span<std::byte> range, const void* p) {
    return range.data() <= p && p < range.data() + range.size();
  };
  EXPECT_TRUE(holds(device_variables(), a_device_variable));
  EXPECT_TRUE(holds(constant_variables(), &a_constant_variable));
  EXPECT_FALSE(holds(device_variables(), &a_constant_variable));
  EXPECT_FALSE(contains(a_device_variable));
}

}  // namespace
