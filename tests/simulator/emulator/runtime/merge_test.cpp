// Do 32 lanes' lists of events become the requests that a warp would issue, also where the lanes diverge?
#include "simulator/emulator/runtime/merge.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

namespace attnlab::emulator {
namespace {

struct Request {
  std::uint32_t place;
  unsigned mask;
  std::vector<std::uint64_t> values;  // of the lanes in mask
  friend bool operator==(const Request&, const Request&) = default;
};

struct Collector {
  std::vector<Request> requests;
  void operator()(const Row& row) {
    Request request{place_of(row.code), row.mask, {}};
    for (unsigned l = 0; l < kWarpSize; ++l)
      if (row.mask >> l & 1) request.values.push_back(row.value[l]);
    requests.push_back(request);
  }
};

class Merge : public testing::Test {
 protected:
  Merge() : warp(std::make_unique<Warp>()) { warp->lanes = kFullMask; }

  void add(unsigned lane, std::uint32_t place, std::uint64_t value) {
    const std::uint32_t at = warp->count[lane]++;
    warp->events[lane].code[at] = event_code(Event::load, 4) | place;
    warp->events[lane].value[at] = value;
  }
  std::vector<Request> merged(unsigned running) {
    Collector collector;
    merge(*warp, running, collector);
    return collector.requests;
  }
  std::vector<std::uint32_t> places(const std::vector<Request>& requests) {
    std::vector<std::uint32_t> result;
    for (const auto& r : requests) result.push_back(r.place);
    return result;
  }

  std::unique_ptr<Warp> warp;
};

TEST_F(Merge, LanesInStepMakeOneRequestAnInstruction) {
  for (unsigned l = 0; l < kWarpSize; ++l)
    for (std::uint32_t k = 0; k < 5; ++k) add(l, 100 + k, 1000 * k + l);
  const auto requests = merged(0);
  ASSERT_EQ(requests.size(), 5u);
  for (std::uint32_t k = 0; k < 5; ++k) {
    EXPECT_EQ(requests[k].place, 100 + k);
    EXPECT_EQ(requests[k].mask, kFullMask);
    EXPECT_EQ(requests[k].values[7], 1000 * k + 7);
  }
}

// if (lane even) A else B; C: each side is a request of its lanes, and all meet at C.
TEST_F(Merge, BothSidesOfABranchMeetBehindIt) {
  for (unsigned l = 0; l < kWarpSize; ++l) {
    add(l, 10, l);
    add(l, l % 2 == 0 ? 20 : 30, l);
    add(l, 40, l);
  }
  const auto requests = merged(0);
  EXPECT_EQ(places(requests), (std::vector<std::uint32_t>{10, 20, 30, 40}));
  EXPECT_EQ(requests[1].mask, 0x55555555u);
  EXPECT_EQ(requests[2].mask, 0xaaaaaaaau);
  EXPECT_EQ(requests[3].mask, kFullMask);
}

// for (i...) { if ((lane + i) even) A else B; }: iterations do not mix, because the loop's own block joins
// them.
TEST_F(Merge, AlternatingBranchesInALoopStayInTheirIteration) {
  constexpr unsigned iterations = 6;
  for (unsigned l = 0; l < kWarpSize; ++l) {
    for (unsigned i = 0; i < iterations; ++i) {
      add(l, 10, i);
      add(l, (l + i) % 2 == 0 ? 20 : 30, i);
      add(l, 40, i);
    }
  }
  const auto requests = merged(0);
  ASSERT_EQ(requests.size(), iterations * 4);
  for (const auto& request : requests)
    for (const std::uint64_t i : request.values) EXPECT_EQ(i, request.values[0]);
}

// Lanes leave a loop at different iterations and wait behind it.
TEST_F(Merge, LanesThatLeaveALoopEarlyWaitBehindIt) {
  for (unsigned l = 0; l < kWarpSize; ++l) {
    for (unsigned i = 0; i <= l % 4; ++i) add(l, 10, i);
    add(l, 20, 99);
  }
  const auto requests = merged(0);
  ASSERT_EQ(requests.size(), 5u);
  const unsigned expected[] = {0xffffffffu, 0xeeeeeeeeu, 0xccccccccu, 0x88888888u};
  for (unsigned i = 0; i < 4; ++i) EXPECT_EQ(requests[i].mask, expected[i]) << i;
  EXPECT_EQ(requests[4].mask, kFullMask);
}

// A lane that still runs may bring an earlier event: the others wait for it.
TEST_F(Merge, WaitsForALaneThatStillRuns) {
  for (unsigned l = 0; l < kWarpSize; ++l) {
    add(l, 10, l);
    if (l != 3) add(l, 30, l);
  }
  EXPECT_EQ(places(merged(1u << 3)), (std::vector<std::uint32_t>{10}));
  add(3, 20, 3);
  add(3, 30, 3);
  EXPECT_EQ(places(merged(0)), (std::vector<std::uint32_t>{20, 30}));
}

// A lane that waits at a barrier or has left brings nothing more.
TEST_F(Merge, DoesNotWaitForALaneThatIsStopped) {
  for (unsigned l = 1; l < kWarpSize; ++l) add(l, 10, l);
  const auto requests = merged(~1u);
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].mask, ~1u);
}

// One lane spins ahead of the others in the code's order; a lane with a full table must get its turn.
TEST_F(Merge, AStarvingLaneGetsItsTurn) {
  for (unsigned k = 0; k < kWindow; ++k) add(0, 500, k);
  bool served = false;
  for (unsigned round = 0; round < 64 && !served; ++round) served = !merged(kFullMask).empty();
  EXPECT_TRUE(served);
  EXPECT_LT(warp->count[0], kWindow);
}

// Whatever the cut into windows, the requests are those of the whole lists.
TEST_F(Merge, WindowsDoNotChangeTheRequests) {
  std::mt19937 random(7);
  std::vector<std::vector<std::pair<std::uint32_t, std::uint64_t>>> lists(kWarpSize);
  for (unsigned l = 0; l < kWarpSize; ++l) {
    for (std::uint64_t i = 0; i < 40 + random() % 20; ++i) {
      lists[l].emplace_back(10, i);
      if (random() % 3 == 0) lists[l].emplace_back(20 + random() % 3, i);
      lists[l].emplace_back(30, i);
    }
  }
  for (auto& list : lists) list.emplace_back(40, 0);
  const auto run = [&](unsigned largest_step) {
    warp = std::make_unique<Warp>();
    warp->lanes = kFullMask;
    std::mt19937 steps(11);
    Collector collector;
    std::vector<std::size_t> at(kWarpSize, 0);
    for (bool more = true; more;) {
      more = false;
      unsigned running = 0;
      for (unsigned l = 0; l < kWarpSize; ++l) {
        for (unsigned n = 1 + static_cast<unsigned>(steps()) % largest_step;
             n > 0 && at[l] < lists[l].size() && warp->count[l] < kWindow; --n, ++at[l])
          add(l, lists[l][at[l]].first, lists[l][at[l]].second);
        if (at[l] < lists[l].size()) running |= 1u << l;
      }
      more = running != 0;
      merge(*warp, running, collector);
    }
    return collector.requests;
  };
  const auto whole = run(kWindow);
  EXPECT_EQ(run(5), whole);
  EXPECT_EQ(run(1), whole);
  EXPECT_EQ(run(17), whole);
}

}  // namespace
}  // namespace attnlab::emulator
