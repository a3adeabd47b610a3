// Do the caches keep what they should, and write what they must? Small ones, computed by hand.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "cuda/counters/table.h"
#include "reference/core/errors.h"
#include "simulator/memory/l1_cache.h"
#include "simulator/memory/l2_cache.h"

namespace attnlab::testing {
namespace {

using memory::Geometry;
using memory::L1Cache;
using memory::L2Cache;

Geometry l2_of(std::uint64_t lines, unsigned ways) {
  Geometry g;
  g.dram_bytes = 32;
  g.l2_bytes = lines * 128;
  g.l2_ways = ways;
  g.l2_partitions = 1;
  g.l2_hashed = false;
  return g;
}

// The lines of a cache, by whether they are there. Looking is a use: once, at the end.
int hits(L1Cache& cache, std::uint32_t first, std::uint32_t lines) {
  int sum = 0;
  for (std::uint32_t line = first; line < first + lines; ++line) sum += cache.load(line, 1) != 0;
  return sum;
}

TEST(L1Cache, OlderLinesLeaveSooner) {
  L1Cache cache(1000 * 128);
  EXPECT_EQ(hits(cache, 0, 1000), 0);
  EXPECT_EQ(hits(cache, 5000, 400), 0);
  L1Cache copy = cache;
  EXPECT_LT(hits(copy, 0, 250), 100);     // the oldest of four random ones left, 400 times
  EXPECT_GT(hits(cache, 750, 250), 220);  // the newest
}

TEST(L1Cache, WhatIsUsedAgainStaysWhileLinesStreamBy) {
  L1Cache cache(1000 * 128);
  hits(cache, 0, 1000);
  hits(cache, 0, 300);
  int there = 0;
  for (std::uint32_t stream = 10000; stream < 18000; stream += 200) {
    EXPECT_EQ(hits(cache, stream, 200), 0);
    there += hits(cache, 0, 300);
  }
  EXPECT_GT(there, 0.98 * 40 * 300);
}

TEST(L1Cache, ButNotForEver) {
  L1Cache cache(100 * 128);
  for (int time = 0; time < 2; ++time) hits(cache, 0, 100);
  EXPECT_EQ(hits(cache, 1000, 1000), 0);
  EXPECT_LT(hits(cache, 0, 100), 40);
}

TEST(L1Cache, SectorsComeOneByOne) {
  L1Cache cache(128);
  EXPECT_EQ(cache.load(0, 0b0011), 0u);
  EXPECT_EQ(cache.load(0, 0b0110), 0b0010u);
  EXPECT_EQ(cache.load(0, 0b1111), 0b0111u);
  cache.load(2, 0b0001);  // line 0 leaves, its sectors with it
  EXPECT_EQ(cache.load(0, 0b1000), 0u);
  EXPECT_EQ(cache.load(0, 0b1111), 0b1000u);
}

// A warp loads so many lines eight times over, the model's worst case: sectors that miss, on an H200 and
// here.
TEST(L1Cache, LinesOverAndOverMissAboutAsOnAnH200) {
  constexpr unsigned kPasses = 8;
  int working_sets = 0;
  double off = 0;
  for (const cuda::Row& row : cuda::read_table(ATTNLAB_SOURCE_DIR "/cuda/probes/h200_probe.csv").rows) {
    const bool small = row.at("probe") == "cycle-124";
    if (!small && row.at("probe") != "cycle") continue;
    ++working_sets;
    const auto lines = static_cast<std::uint32_t>(std::stoul(row.at("size")));
    L1Cache cache(std::uint64_t{small ? 124u : 224u} << 10, Geometry().l1_spare_lines);
    std::uint64_t misses = 0;
    for (unsigned pass = 0; pass < kPasses; ++pass) {
      for (std::uint32_t line = 0; line < lines; ++line) misses += cache.load(line, 0xf) == 0 ? 4 : 0;
    }
    const double difference =
        (static_cast<double>(misses) - std::stod(row.at("count"))) / (4.0 * kPasses * lines);
    EXPECT_LT(std::abs(difference), 0.2) << lines << " lines: " << difference;
    off += std::abs(difference);
  }
  ASSERT_EQ(working_sets, 21);
  EXPECT_LT(off / working_sets, 0.08);
}

// A warp loads so many lines at random: sectors that miss, on an H200 and here.
TEST(L1Cache, RandomLoadsMissAsOnAnH200) {
  int working_sets = 0;
  for (const cuda::Row& row : cuda::read_table(ATTNLAB_SOURCE_DIR "/cuda/probes/h200_probe.csv").rows) {
    if (row.at("probe") != "random") continue;
    ++working_sets;
    const auto lines = static_cast<std::uint32_t>(std::stoul(row.at("size")));
    const int loads = std::stoi(row.at("parameter"));
    L1Cache cache(224 << 10, Geometry().l1_spare_lines);
    std::uint32_t random = 2463534242;
    int misses = 0;
    for (int n = 0; n < loads; ++n) {
      random ^= random << 13;
      random ^= random >> 17;
      random ^= random << 5;
      misses += cache.load((random >> 8) % lines, 0xf) == 0;
    }
    EXPECT_NEAR(misses, std::stod(row.at("count")) / 4, 0.01 * loads) << lines << " lines";
  }
  EXPECT_EQ(working_sets, 10);
}

TEST(L1Cache, WhatIsStoredIsThere) {
  L1Cache cache(100 * 128);
  cache.store(1, 0b0011);
  EXPECT_EQ(cache.load(1, 0b0111), 0b0011u);
  cache.store(1, 0b1000);
  EXPECT_EQ(cache.load(1, 0b1111), 0b1111u);
  EXPECT_EQ(hits(cache, 1000, 99), 0);
  cache.store(1, 0b0001);    // a use:
  cache.load(2000, 0b0001);  // another leaves
  EXPECT_EQ(cache.load(1, 0b1111), 0b1111u);
}

TEST(L1Cache, AnAtomicDropsItsSectors) {
  L1Cache cache(2 * 128);
  cache.load(7, 0b1111);
  cache.invalidate(7, 0b0010);
  cache.invalidate(8, 0b1111);  // is not there
  EXPECT_EQ(cache.load(7, 0b1111), 0b1101u);
}

TEST(L1Cache, WithoutALineItHoldsNothing) {
  L1Cache cache(127);
  EXPECT_EQ(cache.load(1, 1), 0u);
  EXPECT_EQ(cache.load(1, 1), 0u);
  cache.invalidate(1, 1);
  EXPECT_THROW(L1Cache(std::uint64_t{65535} * 128), InvalidArgument);
}

TEST(L2Cache, LoadsFillTheSectorsThatTheyLack) {
  L2Cache cache(l2_of(2, 2));
  EXPECT_EQ(cache.load(0, 5, 0b0001), 0u);
  EXPECT_EQ(cache.dram_sectors_read(), 1u);
  EXPECT_EQ(cache.load(0, 5, 0b1111), 0b0001u);
  EXPECT_EQ(cache.dram_sectors_read(), 4u);
  EXPECT_EQ(cache.load(0, 5, 0b1111), 0b1111u);
  EXPECT_EQ(cache.dram_sectors_read(), 4u);
  EXPECT_EQ(cache.dirty_sectors(), 0u);
}

TEST(L2Cache, OfSixtyFourBytesEachFillBringsAPair) {
  Geometry g = l2_of(2, 2);
  g.dram_bytes = 64;
  L2Cache cache(g);
  EXPECT_EQ(cache.load(0, 5, 0b0100), 0u);
  EXPECT_EQ(cache.dram_sectors_read(), 2u);
  EXPECT_EQ(cache.load(0, 5, 0b1110), 0b1100u);  // sector 1 brings sector 0
  EXPECT_EQ(cache.dram_sectors_read(), 4u);
  EXPECT_EQ(cache.store(6, 0b0001), 0u);  // what was written is not fetched over
  EXPECT_EQ(cache.load(0, 6, 0b0010), 0u);
  EXPECT_EQ(cache.dram_sectors_read(), 5u);
  EXPECT_EQ(cache.load(0, 6, 0b0011), 0b0011u);
}

TEST(L2Cache, StoresAreWrittenBackWhenTheyLeave) {
  L2Cache cache(l2_of(2, 2));
  EXPECT_EQ(cache.store(1, 0b0011), 0u);
  EXPECT_EQ(cache.store(1, 0b0110), 0b0010u);
  cache.load(0, 2, 0b1111);
  EXPECT_EQ(cache.dram_sectors_written(), 0u);
  EXPECT_EQ(cache.dirty_sectors(), 3u);
  cache.load(0, 3, 0b0001);  // line 1 leaves
  EXPECT_EQ(cache.dram_sectors_written(), 3u);
  EXPECT_EQ(cache.dirty_sectors(), 0u);
  cache.load(0, 4, 0b0001);  // line 2 leaves, clean
  EXPECT_EQ(cache.dram_sectors_written(), 3u);
  EXPECT_EQ(cache.dram_sectors_read(), 6u);  // a store fills nothing
}

TEST(L2Cache, AStoreIsAUseAndWhatItWroteIsThere) {
  L2Cache cache(l2_of(2, 2));
  cache.load(0, 1, 1);
  cache.load(0, 2, 1);
  cache.store(1, 2);
  cache.load(0, 3, 1);  // 2 leaves
  EXPECT_EQ(cache.load(0, 1, 0b0011), 0b0011u);
  EXPECT_EQ(cache.load(0, 2, 1), 0u);
}

TEST(L2Cache, AtomicsReadAndDirtyTheirSectors) {
  L2Cache cache(l2_of(2, 2));
  EXPECT_EQ(cache.update(1, 0b0011), 0u);
  EXPECT_EQ(cache.dram_sectors_read(), 2u);
  EXPECT_EQ(cache.dirty_sectors(), 2u);
  EXPECT_EQ(cache.update(1, 0b0010), 0b0010u);
  EXPECT_EQ(cache.dram_sectors_read(), 2u);
  cache.store(2, 0b1000);
  EXPECT_EQ(cache.update(2, 0b1000), 0b1000u);  // on top of a store: nothing to read
  EXPECT_EQ(cache.dram_sectors_read(), 2u);
  EXPECT_EQ(cache.dirty_sectors(), 3u);
}

TEST(L2Cache, TheLeastRecentlyUsedLineOfTheSetLeaves) {
  L2Cache cache(l2_of(8, 4));  // two sets: even and odd
  for (const std::uint32_t line : {0u, 2u, 4u, 6u, 1u}) cache.load(0, line, 1);
  cache.load(0, 0, 1);
  cache.load(0, 8, 1);                 // 2 leaves
  EXPECT_EQ(cache.load(0, 0, 1), 1u);  // now 4, 6, 8, 0 from the oldest
  EXPECT_EQ(cache.load(0, 2, 1), 0u);  // 4 leaves
  EXPECT_EQ(cache.load(0, 6, 1), 1u);
  EXPECT_EQ(cache.load(0, 8, 1), 1u);
  EXPECT_EQ(cache.load(0, 1, 1), 1u);  // the other set
  EXPECT_EQ(cache.load(0, 4, 1), 0u);
}

TEST(L2Cache, TheShareThatDistinctDataCanUseIsItsSize) {
  Geometry g = l2_of(8, 4);
  g.l2_effective_fraction = 0.5;
  L2Cache cache(g);
  for (std::uint32_t line = 0; line < 4; ++line) cache.load(0, line, 1);
  for (std::uint32_t line = 0; line < 4; ++line) EXPECT_EQ(cache.load(0, line, 1), 1u);
  cache.load(0, 4, 1);
  EXPECT_EQ(cache.load(0, 0, 1), 0u);
}

// The hash must neither waste room on a contiguous tensor nor let a power-of-two stride fall into few sets.
TEST(L2Cache, TheHashSpreadsRunsAndStrides) {
  Geometry g;
  g.dram_bytes = 32;
  g.l2_partitions = 1;
  g.l2_bytes = 60 << 20;  // 15 x 2^11 sets of 16 lines
  const std::uint32_t lines = (60 << 20) / 128;
  L2Cache contiguous(g);
  for (int round = 0; round < 2; ++round) {
    for (std::uint32_t line = 0; line < lines; ++line) contiguous.load(0, 5 * 2048 + line, 0xf);
  }
  EXPECT_EQ(contiguous.dram_sectors_read(), 4u * lines);
  for (const std::uint32_t stride : {1u << 11, 1u << 15, 15u << 11, 1000u}) {
    L2Cache strided(g);
    const std::uint32_t count = 4000;
    for (int round = 0; round < 2; ++round) {
      for (std::uint32_t n = 0; n < count; ++n) strided.load(0, n * stride, 1);
    }
    EXPECT_LT(strided.dram_sectors_read(), count * 101 / 100) << stride;
  }
  g.l2_hashed = false;
  L2Cache plain(g);
  for (int round = 0; round < 2; ++round) {
    for (std::uint32_t n = 0; n < 4000; ++n) plain.load(0, n * (15u << 11), 1);
  }
  EXPECT_EQ(plain.dram_sectors_read(), 8000u);  // as it does without
}

// Even lines up to 4 are at home in partition 0.
TEST(L2Cache, WhatBothSidesReadLiesInBothPartitions) {
  Geometry g = l2_of(4, 2);  // one set of two lines in each
  g.l2_partitions = 2;
  L2Cache cache(g);
  for (const std::uint32_t line : {0u, 2u, 4u}) ASSERT_EQ(cache.home_of(line), 0u);
  EXPECT_EQ(cache.load(1, 0, 0b0011), 0u);  // from DRAM, by way of partition 0
  EXPECT_EQ(cache.dram_sectors_read(), 2u);
  EXPECT_EQ(cache.load(0, 0, 0b0011), 0b0011u);  // at home
  EXPECT_EQ(cache.load(1, 0, 0b0111), 0b0011u);  // its own copy, and a sector more
  EXPECT_EQ(cache.dram_sectors_read(), 3u);
  cache.load(0, 2, 1);  // 2 and 4 push 0 out at home,
  cache.load(0, 4, 1);
  EXPECT_EQ(cache.load(1, 0, 0b0111), 0b0111u);  // not on the other side
  EXPECT_EQ(cache.dram_sectors_read(), 5u);
}

TEST(L2Cache, WhatIsWrittenLiesAtHome) {
  Geometry g = l2_of(4, 2);
  g.l2_partitions = 2;
  L2Cache cache(g);
  cache.load(1, 0, 0b1111);
  cache.store(0, 0b0001);
  EXPECT_EQ(cache.dirty_sectors(), 1u);
  EXPECT_EQ(cache.load(1, 0, 0b0010), 0b0010u);  // the copy lost the sector that was written,
  EXPECT_EQ(cache.load(1, 0, 0b0001), 0b0001u);  // and gets it from home
  cache.update(0, 0b0100);
  EXPECT_EQ(cache.dirty_sectors(), 2u);
  EXPECT_EQ(cache.dram_sectors_read(), 4u);
}

TEST(L2Cache, RefusesALineThatItsTagCannotTell) {
  L2Cache cache(l2_of(4, 2));  // two sets
  constexpr std::uint32_t kLast = 2 * 0xffffff - 1;
  EXPECT_EQ(cache.load(0, kLast, 1), 0u);
  EXPECT_EQ(cache.load(0, kLast, 1), 1u);
  EXPECT_THROW(cache.load(0, kLast + 1, 1), InvalidArgument);
  EXPECT_THROW(cache.store(UINT32_MAX, 1), InvalidArgument);
  EXPECT_THROW(cache.update(UINT32_MAX, 1), InvalidArgument);
}

// What every SM reads again and again, of which an H200 (60 MiB) still holds 28 MB and no longer 36 MB.
TEST(L2Cache, HalfOfItHoldsWhatAllSmsRead) {
  const auto missed_again = [](std::uint32_t megabytes) {
    Geometry g;
    g.l2_bytes = 60 << 20;
    L2Cache cache(g);
    const std::uint32_t lines = megabytes * 1'000'000 / 128;
    for (int pass = 0; pass < 4; ++pass) {
      for (std::uint32_t line = 0; line < lines; ++line) {
        for (const unsigned side : {line % 2, 1 - line % 2}) cache.load(side, line, 0xf);
      }
    }
    return static_cast<double>(cache.dram_sectors_read()) / (4.0 * lines) - 1;
  };
  EXPECT_EQ(missed_again(28), 0);
  EXPECT_GT(missed_again(36), 2.9);
}

TEST(L2Cache, RefusesWhatIsNoCache) {
  const auto refused = [](auto change) {
    Geometry g = l2_of(64, 16);
    change(g);
    EXPECT_THROW(L2Cache{g}, InvalidArgument);
  };
  refused([](Geometry& g) { g.l2_ways = 0; });
  refused([](Geometry& g) { g.l2_ways = 17; });
  refused([](Geometry& g) { g.l2_bytes = 16 * 128 - 1; });
  refused([](Geometry& g) { g.l2_effective_fraction = 0; });
  refused([](Geometry& g) { g.l2_effective_fraction = 1.01; });
  refused([](Geometry& g) { g.l2_effective_fraction = 0.1; });
  refused([](Geometry& g) { g.l2_partitions = 3; });
  refused([](Geometry& g) { g.dram_bytes = 128; });
}

}  // namespace
}  // namespace attnlab::testing
