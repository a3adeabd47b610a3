// Do the other ways to store a cache keep every token, give back what they should, and waste what papers say?
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <memory>
#include <set>

#include "reference/attention/attention.h"
#include "reference/kv/layer_groups.h"
#include "reference/kv/memory_use.h"
#include "reference/kv/virtual_memory.h"
#include "tests/reference/attention/random_problem.h"

namespace attnlab::kv {
namespace {

using testing::Random;

TEST(BuddyAllocator, PiecesNeverOverlapAndMergeAgain) {
  for (const Index size : {1, 64, 1000, 15700}) {
    BuddyAllocator memory(size);
    Random random(static_cast<std::uint64_t>(size));
    std::map<Index, Index> taken;
    for (int n = 0; n < 2000; ++n) {
      if (taken.empty() || random.chance(0.55)) {
        const Index wanted = random.integer(1, std::min<Index>(size, 700));
        const auto begin = memory.allocate(wanted);
        if (!begin) continue;
        Index piece = 1;
        while (piece < wanted) piece *= 2;
        ASSERT_LE(*begin + piece, size);
        const auto next = taken.lower_bound(*begin);
        if (next != taken.end()) {
          ASSERT_LE(*begin + piece, next->first);
        }
        if (next != taken.begin()) {
          ASSERT_LE(std::prev(next)->first + std::prev(next)->second, *begin);
        }
        taken[*begin] = piece;
      } else {
        const auto gone = std::next(taken.begin(), random.integer(0, static_cast<Index>(taken.size()) - 1));
        memory.release(gone->first);
        taken.erase(gone);
      }
    }
    for (const auto& [begin, piece] : taken) memory.release(begin);
    EXPECT_THROW(memory.release(0), InvalidArgument);
    Index largest = 1;
    while (2 * largest <= size) largest *= 2;
    EXPECT_EQ(memory.allocate(largest), 0) << "all merged again";
  }
}

// One request at a time, by hand: 10 and 4 tokens of 64.
TEST(MemoryUse, IsWhatAHandCounts) {
  const std::vector<Lengths> requests(50, Lengths{10, 4});
  const auto use = [&](Reservation reservation) {
    return saturated_use({.reservation = reservation, .capacity = 32, .max_length = 32, .block_size = 4},
                         requests);
  };
  const MemoryUse max = use(Reservation::max);
  EXPECT_DOUBLE_EQ(max.mean_batch, 1);
  EXPECT_DOUBLE_EQ(max.internal, 18.0 / 32);
  EXPECT_DOUBLE_EQ(max.external, 0);
  const MemoryUse oracle = use(Reservation::oracle);  // pieces of 16 for 14
  EXPECT_DOUBLE_EQ(oracle.mean_batch, 2);
  EXPECT_DOUBLE_EQ(oracle.internal, 0);
  EXPECT_DOUBLE_EQ(oracle.external, 4.0 / 32);
  const MemoryUse paged = use(Reservation::paged);
  EXPECT_GT(paged.tokens, 1.9 * max.tokens);
  EXPECT_LE(paged.internal + paged.reserved, 2 * 3.0 / 32) << "less than a block for each";
  for (const MemoryUse& all : {max, oracle, paged}) {
    EXPECT_NEAR(all.tokens + all.reserved + all.internal + all.external, 1, 1e-12);
  }
}

TEST(MemoryUse, RefusesWhatNeverFits) {
  const std::vector<Lengths> too_long{{30, 10}}, none{{1, 0}}, few{{1, 1}};
  EXPECT_THROW(saturated_use({.capacity = 32}, too_long), InvalidArgument);
  EXPECT_THROW(saturated_use({.capacity = 32}, none), InvalidArgument);
  EXPECT_THROW(saturated_use({.capacity = 32}, few), InvalidArgument) << "never saturated";
  EXPECT_THROW(saturated_use({.capacity = 0}, few), InvalidArgument);
  EXPECT_THROW(
      saturated_use({.reservation = Reservation::max, .capacity = 32}, std::vector<Lengths>(9, {4, 4})),
      InvalidArgument)
      << "2048 never fit";
}

std::size_t system_page() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }

TEST(VirtualMemory, ArraysGrowInPlaceAndShareThePages) {
  PhysicalMemory memory(system_page(), 6);
  VirtualArray a(memory, 10 * system_page());
  auto b = std::make_unique<VirtualArray>(memory, 10 * system_page());
  a.grow(100);
  std::byte* begin = a.data();
  std::memset(a.data(), 1, 100);
  b->grow(3 * system_page());
  std::memset(b->data(), 2, 3 * system_page());
  a.grow(3 * system_page());
  EXPECT_EQ(a.data(), begin);
  std::memset(a.data() + 100, 3, 3 * system_page() - 100);
  EXPECT_EQ(a.data()[99], std::byte{1});
  EXPECT_EQ(b->data()[3 * system_page() - 1], std::byte{2});
  EXPECT_THROW(a.grow(4 * system_page()), OutOfBlocks);
  EXPECT_EQ(a.mapped_bytes(), 3 * system_page());
  b.reset();
  a.grow(6 * system_page());
  EXPECT_EQ(a.data()[99], std::byte{1});
  EXPECT_EQ(memory.pages().free(), 0);
  EXPECT_THROW(a.grow(10 * system_page() + 1), InvalidArgument);
}

// Attention on an array that grew page by page is attention on any other array.
TEST(VirtualMemory, IsACacheThatNeedsNoBlockTable) {
  constexpr Index kTokens = 700, kDim = 16;
  PhysicalMemory memory(system_page(), 64);
  VirtualArray k(memory, 4096 * kDim * sizeof(double)), v(memory, 4096 * kDim * sizeof(double));
  std::vector<double> whole_k, whole_v, q(kDim, 0.3), o(kDim), expected(kDim);
  Random random(1);
  for (Index t = 0; t < kTokens; ++t) {
    const auto bytes = static_cast<std::size_t>((t + 1) * kDim) * sizeof(double);
    k.grow(bytes), v.grow(bytes);
    for (Index c = 0; c < kDim; ++c) {
      whole_k.push_back(random.normal()), whole_v.push_back(random.normal());
      reinterpret_cast<double*>(k.data())[t * kDim + c] = whole_k.back();
      reinterpret_cast<double*>(v.data())[t * kDim + c] = whole_v.back();
    }
  }
  attention::Problem p;
  p.seqlen_q = 1, p.seqlen_kv = kTokens, p.head_dim = p.head_dim_v = kDim;
  const auto run = [&](const double* keys, const double* values, std::vector<double>& out) {
    attention::forward<double>(attention::Algorithm::flash2, p,
                               {bhsd(static_cast<const double*>(q.data()), 1, 1, 1, kDim),
                                bhsd(keys, 1, 1, kTokens, kDim),
                                bhsd(values, 1, 1, kTokens, kDim),
                                bhsd(out.data(), 1, 1, 1, kDim),
                                {}});
  };
  run(reinterpret_cast<double*>(k.data()), reinterpret_cast<double*>(v.data()), o);
  run(whole_k.data(), whole_v.data(), expected);
  EXPECT_EQ(o, expected);
}

TEST(VirtualMemory, RefusesPagesThatTheSystemHasNot) {
  EXPECT_THROW(PhysicalMemory(system_page() + 1, 1), InvalidArgument);
  EXPECT_THROW(PhysicalMemory(0, 1), InvalidArgument);
  EXPECT_THROW(PhysicalMemory(system_page(), -1), InvalidArgument);
  PhysicalMemory memory(system_page(), 1);
  EXPECT_THROW(VirtualArray(memory, 0), InvalidArgument);
}

// Gemma's kind: layers with a window beside layers without, half as many bytes a token.
TEST(LayerGroups, WindowsGiveBackWhatNoTokenSees) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    Random random(seed);
    const std::vector<LayerGroups::Group> kinds{{4, 0}, {8, random.integer(1, 20)}, {1, 5}};
    LayerGroups cache(400, kinds);
    const auto id = cache.start();
    while (cache.length(id) < 120) {
      const Index before = cache.length(id), more = random.integer(1, 9);
      cache.grow(id, more);
      std::set<BlockId> seen;
      for (std::size_t g = 0; g < kinds.size(); ++g) {
        const auto table = cache.table(id, g);
        ASSERT_EQ(static_cast<Index>(table.size()),
                  (cache.length(id) + kinds[g].block_size - 1) / kinds[g].block_size);
        for (std::size_t n = 0; n < table.size(); ++n) {
          // A block is there exactly if one of the newest tokens, or a later one, sees one of its keys.
          const Index last_key = static_cast<Index>(n + 1) * kinds[g].block_size - 1;
          const bool visible = kinds[g].window == 0 || last_key >= before - kinds[g].window;
          ASSERT_EQ(table[n] != cache.null_block(), visible)
              << "seed " << seed << " group " << g << " block " << n;
          if (visible) {
            ASSERT_TRUE(seen.insert(table[n]).second) << "a block is one group's alone";
          }
        }
      }
      ASSERT_EQ(cache.pool().free(), 399 - static_cast<Index>(seen.size()));
    }
    cache.finish(id);
    EXPECT_EQ(cache.pool().free(), 399);
  }
}

TEST(LayerGroups, WithoutRoomNothingChanges) {
  LayerGroups cache(6, {{4, 0}, {4, 4}});
  const auto id = cache.start();
  cache.grow(id, 8);  // two blocks of each
  EXPECT_THROW(cache.grow(id, 8), OutOfBlocks);
  EXPECT_EQ(cache.length(id), 8);
  EXPECT_EQ(cache.pool().free(), 1);
  EXPECT_EQ(cache.table(id, 1).size(), 2u);
  cache.grow(id, 4);  // the window gives one back for two that are needed
  EXPECT_EQ(cache.pool().free(), 0);
  EXPECT_EQ(cache.table(id, 1)[0], cache.null_block());
  EXPECT_EQ(LayerGroups::block_size(65536, 2048), 32);
  EXPECT_THROW(LayerGroups::block_size(100, 200), InvalidArgument);
  EXPECT_THROW(LayerGroups(0, {{4, 0}}), InvalidArgument);
  EXPECT_THROW(LayerGroups(4, {}), InvalidArgument);
  EXPECT_THROW(LayerGroups(4, {{0, 0}}), InvalidArgument);
  EXPECT_THROW(cache.grow(7, 1), InvalidArgument);
}

}  // namespace
}  // namespace attnlab::kv
