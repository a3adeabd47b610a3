// Do the memory formulas give FlashAttention's Table 21 for every length, and run out where it did?
#include <gtest/gtest.h>

#include "reference/core/errors.h"
#include "simulator/io/memory_footprint.h"
#include "tests/reference/cards/csv.h"

namespace attnlab::testing {
namespace {

using io::Implementation;

const std::map<std::string, Implementation> kMethods = {
    {"PyTorch", Implementation::pytorch},
    {"FlashAttention", Implementation::flash_attention},
    {"BlockSparseFlashAttention", Implementation::block_sparse_flash_attention}};
constexpr io::Count kMiB = 1 << 20, kA100Bytes = 40'000'000'000;

TEST(Table21, EveryPrintedNumber) {
  int printed = 0, blank = 0;
  for (const auto& row : read_csv("fa1_table21/paper.csv")) {
    const std::string& label = row.at("row");  // "PyTorch, N 128"
    const std::size_t comma = label.find(", N ");
    ASSERT_NE(comma, std::string::npos) << label;
    const Implementation method = kMethods.at(label.substr(0, comma));
    const io::Count bytes =
        io::memory_footprint(method, 16, 8, std::stoll(label.substr(comma + 4)), 64).total();
    if (row.at("paper") == "out of memory") {
      EXPECT_GT(bytes, kA100Bytes) << label;
      ++blank;
    } else {
      EXPECT_EQ(io::to_string(bytes / kMiB), row.at("paper")) << label;
      EXPECT_LT(bytes, kA100Bytes);
      ++printed;
    }
  }
  EXPECT_EQ(printed, 26);
  EXPECT_EQ(blank, 4);
}

// The abstract's claim: linear against quadratic.
TEST(Table21, FlashAttentionIsLinearInTheLength) {
  for (const Index n : {512, 4096, 65536}) {
    const auto flash = [&](Index length) {
      return io::memory_footprint(Implementation::flash_attention, 16, 8, length, 64).total();
    };
    EXPECT_EQ(io::to_string(flash(2 * n)), io::to_string(2 * flash(n)));
  }
  const auto matrices = [](Index n) {
    return io::memory_footprint(Implementation::pytorch, 16, 8, n, 64).matrices;
  };
  EXPECT_EQ(io::to_string(matrices(2048)), io::to_string(4 * matrices(1024)));
}

TEST(Table21, BlocksOf128KeysWhereHeadsAreWide) {
  const auto accumulator = [](Index n, Index d) {
    return io::to_string(io::memory_footprint(Implementation::flash_attention, 2, 3, n, d).accumulator);
  };
  EXPECT_EQ(accumulator(256, 64), "0");
  EXPECT_EQ(accumulator(257, 64), std::to_string(2 * 3 * 257 * 64 * 4));
  EXPECT_EQ(accumulator(128, 128), "0");
  EXPECT_EQ(accumulator(129, 128), std::to_string(2 * 3 * 129 * 128 * 4));
}

TEST(Table21, RefusesAbsurdSizes) {
  const auto message = [](Index batch, Index heads, Index seqlen, Index dim) -> std::string {
    try {
      io::memory_footprint(Implementation::pytorch, batch, heads, seqlen, dim);
    } catch (const InvalidArgument& error) {
      return error.what();
    }
    return "accepted";
  };
  constexpr Index kMost = Index{1} << 30;
  EXPECT_EQ(message(0, 1, 1, 1), "batch: got 0, expected an integer from 1 to 2^30");
  EXPECT_EQ(message(1, -1, 1, 1), "num_heads: got -1, expected an integer from 1 to 2^30");
  EXPECT_EQ(message(1, 1, kMost + 1, 1), "seqlen: got 1073741825, expected an integer from 1 to 2^30");
  EXPECT_EQ(message(1, 1, 1, 0), "head_dim: got 0, expected an integer from 1 to 2^30");
  EXPECT_EQ(message(kMost, kMost, kMost, kMost), "accepted");
}

}  // namespace
}  // namespace attnlab::testing
