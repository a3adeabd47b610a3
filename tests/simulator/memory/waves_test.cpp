// In which order do the blocks of a grid reach the memory system?
#include "simulator/memory/waves.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace attnlab::testing {
namespace {

using memory::LinePart;
using memory::RequestKind;
using memory::Supply;
using memory::Waves;

// A block of `left` requests, each one line whose index is the block's.
struct FakeBlock {
  std::uint32_t block;
  int left;
  template <class Visit>
  bool next(Visit&& visit) {
    if (left == 0) return false;
    --left;
    visit(RequestKind::load, block, 1u);
    return true;
  }
};

// "sm:block" for each request, in order. lengths: requests of each block. `until` blocks are known at first,
// the rest at the second call.
std::string order(std::uint64_t sms, std::uint64_t resident, unsigned requests,
                  const std::vector<int>& lengths, std::size_t until = SIZE_MAX) {
  Waves<FakeBlock> waves(sms, resident, lengths.size(), requests, 1);
  std::string text;
  std::size_t next = 0;
  const auto supply = [&](std::optional<FakeBlock>& block) {
    if (next == lengths.size()) return Supply::nothing;
    if (next == until) return Supply::later;
    block = FakeBlock{static_cast<std::uint32_t>(next), lengths[next]};
    ++next;
    return Supply::block;
  };
  const auto access = [&](std::size_t sm, RequestKind, std::span<const LinePart> lines) {
    text += (text.empty() ? "" : " ") + std::to_string(sm) + ":" + std::to_string(lines[0].line);
    return true;
  };
  if (until < lengths.size()) {
    EXPECT_FALSE(waves.run(supply, access));
    EXPECT_FALSE(waves.run(supply, access));  // still nothing new
    until = SIZE_MAX;
  }
  EXPECT_TRUE(waves.run(supply, access));
  return text;
}

TEST(Waves, TheFirstWaveGoesRoundTheSms) {
  EXPECT_EQ(order(3, 2, 1, {1, 1, 1, 1, 1, 1}), "0:0 1:1 2:2 0:3 1:4 2:5");
  EXPECT_EQ(order(3, 1, 1, {1, 1}), "0:0 2:1");  // SMs 0 and 1 are a pair
  EXPECT_EQ(order(3, 2, 1, {}), "");
}

TEST(Waves, ResidentBlocksTakeTurns) { EXPECT_EQ(order(1, 2, 1, {3, 2, 1}), "0:0 0:1 0:0 0:1 0:0 0:2"); }

// Turns are of 1 to 2 n - 1 requests, n on average.
TEST(Waves, TurnsVaryAroundTheirMean) {
  const std::string text = order(2, 1, 3, {300, 300});
  std::vector<int> turns;
  char last = 0;
  for (std::size_t at = 0; at < text.size(); at += 4) {
    if (text[at] == last) {
      ++turns.back();
    } else {
      turns.push_back(1);
    }
    last = text[at];
  }
  turns.resize(150);  // while both run
  int sum = 0;
  for (const int turn : turns) {
    EXPECT_GE(turn, 1);
    EXPECT_LE(turn, 5);
    sum += turn;
  }
  EXPECT_NEAR(sum / 150.0, 3, 0.4);
  EXPECT_NE(std::count(turns.begin(), turns.end(), 1), 0);
  EXPECT_NE(std::count(turns.begin(), turns.end(), 5), 0);
}

// Blocks of even index wait for every request, others never do: four requests in the time of one.
TEST(Waves, WhoNeedNotWaitGetsOnFaster) {
  Waves<FakeBlock> waves(1, 2, 2, 1, 4);
  std::string text;
  std::uint32_t next = 0;
  EXPECT_TRUE(waves.run(
      [&](std::optional<FakeBlock>& block) {
        if (next == 2) return Supply::nothing;
        block = FakeBlock{next++, 6};
        return Supply::block;
      },
      [&](std::size_t, RequestKind, std::span<const LinePart> lines) {
        text += std::to_string(lines[0].line);
        return lines[0].line % 2 == 0;
      }));
  EXPECT_EQ(text, "011110110000");
}

TEST(Waves, TheNextBlockGoesToWhomeverIsFreeFirst) {
  // SM 1 ends block 1 after two requests: it takes block 2, then block 3; SM 0 is busy with block 0.
  EXPECT_EQ(order(2, 1, 1, {6, 2, 2, 2}), "0:0 1:1 0:0 1:1 0:0 1:2 0:0 1:2 0:0 1:3 0:0 1:3");
}

TEST(Waves, BlocksWithoutRequestsPassAtOnce) { EXPECT_EQ(order(2, 1, 1, {0, 0, 1, 0, 1, 0}), "0:2 1:4"); }

TEST(Waves, WaitingForABlockChangesNothing) {
  const std::vector<int> lengths{3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 0, 0, 2};
  for (std::uint64_t resident = 1; resident <= 3; ++resident) {
    for (const unsigned requests : {1u, 2u, 4u}) {
      const std::string at_once = order(2, resident, requests, lengths);
      for (std::size_t until = 0; until < lengths.size(); ++until) {
        EXPECT_EQ(order(2, resident, requests, lengths, until), at_once) << until;
      }
    }
  }
}

}  // namespace
}  // namespace attnlab::testing
