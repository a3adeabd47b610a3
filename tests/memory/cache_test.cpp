// Do the caches keep what they should, and write what they must? Small ones, computed by hand.
#include <gtest/gtest.h>

#include <set>

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
  g.l2_effective_fraction = 1;
  g.l2_hashed = false;
  return g;
}

TEST(L1Cache, TheLeastRecentlyLoadedLineLeaves) {
  L1Cache cache(3 * 128, 0);
  EXPECT_EQ(cache.load(10, 0xf), 0u);
  EXPECT_EQ(cache.load(20, 0xf), 0u);
  EXPECT_EQ(cache.load(30, 0xf), 0u);
  EXPECT_EQ(cache.load(10, 0xf), 0xfu);  // 20 is the oldest now
  EXPECT_EQ(cache.load(40, 0xf), 0u);    // takes its place
  EXPECT_EQ(cache.load(10, 0xf), 0xfu);
  EXPECT_EQ(cache.load(30, 0xf), 0xfu);
  EXPECT_EQ(cache.load(20, 0xf), 0u);  // takes 40's
  EXPECT_EQ(cache.load(40, 0xf), 0u);
}

TEST(L1Cache, SectorsComeOneByOne) {
  L1Cache cache(2 * 128, 0);
  EXPECT_EQ(cache.load(0, 0b0011), 0u);
  EXPECT_EQ(cache.load(0, 0b0110), 0b0010u);
  EXPECT_EQ(cache.load(0, 0b1111), 0b0111u);
  cache.load(1, 0b1111);
  cache.load(2, 0b0001);  // line 0 leaves, its sectors with it
  EXPECT_EQ(cache.load(0, 0b1000), 0u);
  EXPECT_EQ(cache.load(0, 0b1111), 0b1000u);
}

TEST(L1Cache, LinesStayInTheirSets) {
  L1Cache cache(4 * 128, 2);  // two sets: even and odd lines
  for (const std::uint32_t line : {0u, 2u, 1u}) EXPECT_EQ(cache.load(line, 1), 0u);
  EXPECT_EQ(cache.load(4, 1), 0u);  // 0 leaves; the odd set has room and keeps it
  EXPECT_EQ(cache.load(1, 1), 1u);
  EXPECT_EQ(cache.load(2, 1), 1u);
  EXPECT_EQ(cache.load(0, 1), 0u);  // 4 leaves
  EXPECT_EQ(cache.load(2, 1), 1u);
  EXPECT_EQ(cache.load(4, 1), 0u);
}

TEST(L1Cache, WhatIsStoredIsThere) {
  L1Cache cache(2 * 128, 0);
  cache.store(1, 0b0011);
  EXPECT_EQ(cache.load(1, 0b0111), 0b0011u);
  cache.load(2, 1);
  cache.store(1, 0b1000);  // a use: 2 leaves next
  cache.store(3, 0b0001);
  EXPECT_EQ(cache.load(1, 0b1111), 0b1111u);
  EXPECT_EQ(cache.load(2, 1), 0u);
}

TEST(L1Cache, AnAtomicDropsItsSectors) {
  L1Cache cache(2 * 128, 0);
  cache.load(7, 0b1111);
  cache.invalidate(7, 0b0010);
  cache.invalidate(8, 0b1111);  // is not there
  EXPECT_EQ(cache.load(7, 0b1111), 0b1101u);
}

TEST(L1Cache, WithoutALineItHoldsNothing) {
  L1Cache cache(127, 0);
  EXPECT_EQ(cache.load(1, 1), 0u);
  EXPECT_EQ(cache.load(1, 1), 0u);
  cache.invalidate(1, 1);
  EXPECT_THROW(L1Cache(std::uint64_t{65535} * 128, 0), InvalidArgument);
}

TEST(L2Cache, LoadsFillTheSectorsThatTheyLack) {
  L2Cache cache(l2_of(2, 2));
  EXPECT_EQ(cache.load(5, 0b0001), 0u);
  EXPECT_EQ(cache.dram_sectors_read(), 1u);
  EXPECT_EQ(cache.load(5, 0b1111), 0b0001u);
  EXPECT_EQ(cache.dram_sectors_read(), 4u);
  EXPECT_EQ(cache.load(5, 0b1111), 0b1111u);
  EXPECT_EQ(cache.dram_sectors_read(), 4u);
  EXPECT_EQ(cache.dirty_sectors(), 0u);
}

TEST(L2Cache, OfSixtyFourBytesEachFillBringsAPair) {
  Geometry g = l2_of(2, 2);
  g.dram_bytes = 64;
  L2Cache cache(g);
  EXPECT_EQ(cache.load(5, 0b0100), 0u);
  EXPECT_EQ(cache.dram_sectors_read(), 2u);
  EXPECT_EQ(cache.load(5, 0b1110), 0b1100u);  // sector 1 brings sector 0
  EXPECT_EQ(cache.dram_sectors_read(), 4u);
  EXPECT_EQ(cache.store(6, 0b0001), 0u);  // what was written is not fetched over
  EXPECT_EQ(cache.load(6, 0b0010), 0u);
  EXPECT_EQ(cache.dram_sectors_read(), 5u);
  EXPECT_EQ(cache.load(6, 0b0011), 0b0011u);
}

TEST(L2Cache, StoresAreWrittenBackWhenTheyLeave) {
  L2Cache cache(l2_of(2, 2));
  EXPECT_EQ(cache.store(1, 0b0011), 0u);
  EXPECT_EQ(cache.store(1, 0b0110), 0b0010u);
  cache.load(2, 0b1111);
  EXPECT_EQ(cache.dram_sectors_written(), 0u);
  EXPECT_EQ(cache.dirty_sectors(), 3u);
  cache.load(3, 0b0001);  // line 1 leaves
  EXPECT_EQ(cache.dram_sectors_written(), 3u);
  EXPECT_EQ(cache.dirty_sectors(), 0u);
  cache.load(4, 0b0001);  // line 2 leaves, clean
  EXPECT_EQ(cache.dram_sectors_written(), 3u);
  EXPECT_EQ(cache.dram_sectors_read(), 6u);  // a store fills nothing
}

TEST(L2Cache, AStoreIsAUseAndWhatItWroteIsThere) {
  L2Cache cache(l2_of(2, 2));
  cache.load(1, 1);
  cache.load(2, 1);
  cache.store(1, 2);
  cache.load(3, 1);  // 2 leaves
  EXPECT_EQ(cache.load(1, 0b0011), 0b0011u);
  EXPECT_EQ(cache.load(2, 1), 0u);
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
  for (const std::uint32_t line : {0u, 2u, 4u, 6u, 1u}) cache.load(line, 1);
  cache.load(0, 1);
  cache.load(8, 1);                 // 2 leaves
  EXPECT_EQ(cache.load(0, 1), 1u);  // now 4, 6, 8, 0 from the oldest
  EXPECT_EQ(cache.load(2, 1), 0u);  // 4 leaves
  EXPECT_EQ(cache.load(6, 1), 1u);
  EXPECT_EQ(cache.load(8, 1), 1u);
  EXPECT_EQ(cache.load(1, 1), 1u);  // the other set
  EXPECT_EQ(cache.load(4, 1), 0u);
}

TEST(L2Cache, TheShareThatDistinctDataCanUseIsItsSize) {
  Geometry g = l2_of(8, 4);
  g.l2_effective_fraction = 0.5;
  L2Cache cache(g);
  for (std::uint32_t line = 0; line < 4; ++line) cache.load(line, 1);
  for (std::uint32_t line = 0; line < 4; ++line) EXPECT_EQ(cache.load(line, 1), 1u);
  cache.load(4, 1);
  EXPECT_EQ(cache.load(0, 1), 0u);
}

// The hash must neither waste room on a contiguous tensor nor let a power-of-two stride fall into few sets.
TEST(L2Cache, TheHashSpreadsRunsAndStrides) {
  Geometry g;
  g.dram_bytes = 32;
  g.l2_effective_fraction = 1;
  g.l2_bytes = 60 << 20;  // 15 x 2^11 sets of 16 lines
  const std::uint32_t lines = (60 << 20) / 128;
  L2Cache contiguous(g);
  for (int round = 0; round < 2; ++round) {
    for (std::uint32_t line = 0; line < lines; ++line) contiguous.load(5 * 2048 + line, 0xf);
  }
  EXPECT_EQ(contiguous.dram_sectors_read(), 4u * lines);
  for (const std::uint32_t stride : {1u << 11, 1u << 15, 15u << 11, 1000u}) {
    L2Cache strided(g);
    const std::uint32_t count = 4000;
    for (int round = 0; round < 2; ++round) {
      for (std::uint32_t n = 0; n < count; ++n) strided.load(n * stride, 1);
    }
    EXPECT_LT(strided.dram_sectors_read(), count * 101 / 100) << stride;
  }
  g.l2_hashed = false;
  L2Cache plain(g);
  for (int round = 0; round < 2; ++round) {
    for (std::uint32_t n = 0; n < 4000; ++n) plain.load(n * (15u << 11), 1);
  }
  EXPECT_EQ(plain.dram_sectors_read(), 8000u);  // as it does without
}

TEST(L2Cache, RefusesWhatIsNoCache) {
  const auto refused = [](auto change) {
    Geometry g = l2_of(64, 16);
    change(g);
    EXPECT_THROW(L2Cache{g}, InvalidArgument);
  };
  refused([](Geometry& g) { g.l2_ways = 0; });
  refused([](Geometry& g) { g.l2_ways = 65; });
  refused([](Geometry& g) { g.l2_bytes = 16 * 128 - 1; });
  refused([](Geometry& g) { g.l2_effective_fraction = 0; });
  refused([](Geometry& g) { g.l2_effective_fraction = 1.01; });
  refused([](Geometry& g) { g.l2_effective_fraction = 0.1; });
  refused([](Geometry& g) { g.dram_bytes = 128; });
}

}  // namespace
}  // namespace attnlab::testing
