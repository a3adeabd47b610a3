// Which SM gets a block? What %smid of all blocks said on an H200 (cuda/probes/h200_probe.csv), and small
// GPUs by hand.
#include "simulator/memory/placement.h"

#include <gtest/gtest.h>

#include <set>
#include <tuple>

#include "cuda/counters/table.h"

namespace attnlab::testing {
namespace {

using memory::Placement;

std::vector<std::uint64_t> dealt(std::uint64_t sms, std::uint64_t blocks) {
  const Placement placement(sms, blocks);
  std::vector<std::uint64_t> all;
  for (std::uint64_t block = 0; block < blocks; ++block) all.push_back(placement.sm_of(block));
  return all;
}

using Sms = std::vector<std::uint64_t>;

TEST(Placement, WholeRoundsGoFromSmToSm) { EXPECT_EQ(dealt(3, 6), (Sms{0, 1, 2, 0, 1, 2})); }

// 32 SMs are 8 groups of 2 pairs.
TEST(Placement, TheLastRoundIsSpreadOverGroupsAndPairs) {
  EXPECT_EQ(dealt(32, 0), Sms{});
  EXPECT_EQ(dealt(32, 3), (Sms{0, 4, 8}));
  EXPECT_EQ(dealt(32, 10), (Sms{0, 2, 4, 6, 8, 12, 16, 20, 24, 28}));
  EXPECT_EQ(dealt(32, 17), (Sms{0, 1, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30}));
}

TEST(Placement, EverySmGetsAsManyOrOneMore) {
  for (const std::uint64_t sms : {1, 2, 5, 7, 84, 108, 114, 128, 132}) {
    for (std::uint64_t blocks = 0; blocks < 3 * sms; ++blocks) {
      std::vector<std::uint64_t> count(sms, 0);
      for (const std::uint64_t sm : dealt(sms, blocks)) ++count.at(sm);
      for (const std::uint64_t n : count) EXPECT_TRUE(n == blocks / sms || n == blocks / sms + 1);
    }
  }
}

// Rung 01's P V: pairs of an SM and a half of a head's V.
TEST(Placement, SharesAsOnAnH200) {
  int grids = 0;
  for (const cuda::Row& row : cuda::read_table(ATTNLAB_SOURCE_DIR "/cuda/probes/h200_probe.csv").rows) {
    if (row.at("probe") != "blocks") continue;
    ++grids;
    const std::uint64_t rows = std::stoull(row.at("size"));
    const Placement placement(132, 4 * rows);
    std::set<std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>> halves;
    for (std::uint64_t block = 0; block < 4 * rows; ++block) {
      halves.emplace(placement.sm_of(block), block % 2, block / (2 * rows));
    }
    EXPECT_NEAR(static_cast<double>(halves.size()), std::stod(row.at("count")), 2) << rows;
  }
  EXPECT_EQ(grids, 3);
}

}  // namespace
}  // namespace attnlab::testing
