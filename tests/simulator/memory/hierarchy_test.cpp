// Do requests end where they must, from the L1 down to DRAM? By hand where the kernel is small, against a
// model that is slow and obvious where it is not, and whatever the order in which blocks are added.
#include "simulator/memory/hierarchy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "cuda/counters/table.h"
#include "reference/core/errors.h"
#include "tests/reference/attention/random_problem.h"
#include "tests/simulator/memory/slow_model.h"

namespace attnlab::testing {
namespace {

using memory::Counters;
using memory::Geometry;
using memory::Hierarchy;
using memory::RequestKind;
using memory::RequestStream;
using Sectors = std::vector<std::uint32_t>;

Geometry small_gpu() {
  Geometry g;
  g.dram_bytes = 32;
  g.sms = 2;
  g.sram_bytes_per_sm = 4 * 128 + 2 * 1024;
  g.shared_bytes_per_sm = 2 * 1024;  // the L1 of a block or two: 4 lines
  g.l2_bytes = 8 * 128;
  g.l2_ways = 8;
  g.l1_spare_lines = 0;
  g.l2_partitions = 1;
  g.l2_hashed = false;
  g.interleave = 1;
  g.l2_wait = 1;
  return g;
}

TEST(Hierarchy, CountsEveryLevel) {
  Hierarchy gpu(small_gpu(), 2, 1, 0);
  RequestStream first, second;
  first.append(RequestKind::load, Sectors{0, 1, 2, 3});    // SM 0: 4 from DRAM
  second.append(RequestKind::load, Sectors{0, 1});         // SM 1: from the L2
  first.append(RequestKind::load, Sectors{2, 3, 4});       // two from the L1, one from DRAM
  second.append(RequestKind::load_bypass, Sectors{0, 8});  // bypasses the L1: one from the L2, one from DRAM
  first.append(RequestKind::store, Sectors{0, 1, 16});     // three to the L2, which fills nothing
  second.append(RequestKind::atomic, Sectors{20});         // there, from DRAM, and its result back
  first.append(RequestKind::load, Sectors{0, 1});          // a store leaves the L1's copy valid
  second.append(RequestKind::reduction, Sectors{0});       // there only; SM 1 drops its own copy
  first.append(RequestKind::load, Sectors{16});            // what was stored is in the L1
  second.append(RequestKind::load, Sectors{0, 1});         // one from the L2, one from the L1
  gpu.add_block(0, std::move(first));
  gpu.add_block(1, std::move(second));
  const Counters c = gpu.finish();
  EXPECT_EQ(c.l1_read_sectors, 4u + 2 + 3 + 2 + 1 + 2);
  EXPECT_EQ(c.l1_read_hits, 2u + 2 + 1 + 1);
  EXPECT_EQ(c.l2_to_l1_sectors, 4u + 2 + 1 + 2 + 1 + 1);
  EXPECT_EQ(c.l1_to_l2_sectors, 3u + 1 + 1);
  EXPECT_EQ(c.l2_read_hits, 2u + 1 + 1);
  EXPECT_EQ(c.dram_read_bytes, 32u * (4 + 1 + 1 + 1));
  EXPECT_EQ(c.dram_write_bytes, 0u);
  EXPECT_EQ(c.l2_dirty_bytes, 32u * 4);  // sectors 0, 1, 16, 20
}

TEST(Hierarchy, AKernelWithoutBlocksMovesNothing) {
  Hierarchy gpu(small_gpu(), 0, 1, 0);
  EXPECT_EQ(gpu.finish(), Counters{});
}

TEST(Hierarchy, SharedMemoryTakesFromTheL1) {
  Geometry h200;
  h200.sram_bytes_per_sm = 256 * 1024;
  h200.shared_bytes_per_sm = 228 * 1024;
  const auto kb = [](std::uint64_t n) { return n * 1024; };
  // launch__shared_mem_config_size of an H200, by blocks per SM and shared memory of each.
  EXPECT_EQ(memory::l1_bytes(h200, 16, 0), kb(256 - 32));
  EXPECT_EQ(memory::l1_bytes(h200, 8, 32), kb(256 - 32));
  EXPECT_EQ(memory::l1_bytes(h200, 5, 8448), kb(256 - 100));
  EXPECT_EQ(memory::l1_bytes(h200, 6, 8448), kb(256 - 132));
  EXPECT_EQ(memory::l1_bytes(h200, 1, 52224), kb(256 - 64));
  EXPECT_EQ(memory::l1_bytes(h200, 1, 60416), kb(256 - 64));
  EXPECT_EQ(memory::l1_bytes(h200, 1, 84992), kb(256 - 100));
  EXPECT_EQ(memory::l1_bytes(h200, 2, 43008), kb(256 - 132));
  EXPECT_EQ(memory::l1_bytes(h200, 3, 43008), kb(256 - 132));
  EXPECT_EQ(memory::l1_bytes(h200, 4, 31744), kb(256 - 132));
  EXPECT_EQ(memory::l1_bytes(h200, 4, 50176), kb(256 - 228));
  // The edges of what fits.
  EXPECT_EQ(memory::l1_bytes(h200, 1, kb(99)), kb(256 - 100));
  EXPECT_EQ(memory::l1_bytes(h200, 1, kb(99) + 1), kb(256 - 132));
  EXPECT_EQ(memory::l1_bytes(h200, 1, kb(227)), kb(256 - 228));
  EXPECT_THROW(memory::l1_bytes(h200, 1, kb(227) + 1), InvalidArgument);
  EXPECT_THROW(memory::l1_bytes(h200, 2, kb(114)), InvalidArgument);
  EXPECT_EQ(memory::blocks_that_fit(h200, kb(113)), 2u);
  EXPECT_EQ(memory::blocks_that_fit(h200, kb(228)), 0u);

  Geometry a100;
  a100.sram_bytes_per_sm = kb(192);
  a100.shared_bytes_per_sm = kb(164);
  EXPECT_EQ(memory::l1_bytes(a100, 1, kb(132)), kb(192 - 164));
  EXPECT_EQ(memory::l1_bytes(a100, 2, kb(40)), kb(192 - 100));
  EXPECT_THROW(memory::l1_bytes(a100, 1, kb(164)), InvalidArgument);
  EXPECT_THROW(memory::l1_bytes(a100, UINT64_MAX, kb(1)), InvalidArgument);
  EXPECT_THROW(Hierarchy(small_gpu(), 1, 0, 0), InvalidArgument);
}

// The streams of a kernel of small random blocks, all kinds of requests.
struct RandomKernel {
  explicit RandomKernel(std::uint64_t seed) : random(seed) {
    geometry.sms = static_cast<std::uint64_t>(random.integer(1, 5));
    geometry.sram_bytes_per_sm = 1024 + static_cast<std::uint64_t>(random.integer(0, 12)) * 128;
    geometry.shared_bytes_per_sm = 1024 * static_cast<std::uint64_t>(random.integer(0, 1));
    if (geometry.shared_bytes_per_sm == 0) geometry.shared_bytes_per_sm = 1024;
    geometry.l1_spare_lines = static_cast<unsigned>(random.integer(0, 2));
    geometry.l2_partitions = static_cast<unsigned>(random.integer(1, 2));
    geometry.l2_wait = static_cast<unsigned>(random.integer(1, 8));
    geometry.l2_ways = static_cast<unsigned>(random.integer(1, 16));
    geometry.l2_bytes = 128 * geometry.l2_ways * static_cast<std::uint64_t>(random.integer(4, 28));
    geometry.l2_effective_fraction = random.chance(0.5) ? 1 : 0.5;
    geometry.l2_hashed = false;
    geometry.dram_bytes = random.chance(0.5) ? 32 : 64;
    geometry.interleave = static_cast<unsigned>(random.integer(1, 4));
    blocks.resize(static_cast<std::size_t>(random.integer(0, 12)));
    const Index lines = random.integer(4, 120);
    for (auto& block : blocks) {
      for (Index n = random.integer(0, 40); n > 0; --n) {
        Sectors sectors;
        for (Index s = random.integer(1, 9); s > 0; --s) {
          sectors.push_back(static_cast<std::uint32_t>(random.integer(0, 4 * lines - 1)));
        }
        std::sort(sectors.begin(), sectors.end());
        sectors.erase(std::unique(sectors.begin(), sectors.end()), sectors.end());
        block.emplace_back(static_cast<RequestKind>(random.integer(0, 4)), sectors);
      }
    }
  }
  RequestStream stream(std::size_t block) const {
    RequestStream s;
    for (const auto& [kind, sectors] : blocks[block]) s.append(kind, sectors);
    return s;
  }
  Random random;
  Geometry geometry;
  std::vector<std::vector<std::pair<RequestKind, Sectors>>> blocks;
};

// Blocks one at a time on one SM: the order is plain, and the slow model takes the requests itself.
TEST(Hierarchy, AgreesWithTheSlowModel) {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    RandomKernel kernel(seed);
    kernel.geometry.sms = 1;
    const Geometry& g = kernel.geometry;
    SlowSystem slow(g, memory::l1_bytes(g, 1, 0));
    Hierarchy gpu(g, kernel.blocks.size(), 1, 0);
    for (std::size_t b = 0; b < kernel.blocks.size(); ++b) {
      for (const auto& [kind, sectors] : kernel.blocks[b]) {
        std::vector<memory::LinePart> lines;
        for (std::size_t n = 0; n < sectors.size();) {
          const std::uint32_t line = sectors[n] / 4;
          unsigned mask = 0;
          for (; n < sectors.size() && sectors[n] / 4 == line; ++n) mask |= 1u << sectors[n] % 4;
          lines.push_back({line, mask});
        }
        slow.request(0, kind, lines);
      }
      gpu.add_block(b, kernel.stream(b));
    }
    ASSERT_EQ(gpu.finish(), slow.finish()) << "seed " << seed;
  }
}

// What several SMs do to one another: the waves' own order, into both models.
TEST(Hierarchy, AgreesWithTheSlowModelOnSeveralSms) {
  for (std::uint64_t seed = 1000; seed < 1300; ++seed) {
    RandomKernel kernel(seed);
    const Geometry& g = kernel.geometry;
    std::vector<RequestStream> streams;
    for (std::size_t b = 0; b < kernel.blocks.size(); ++b) streams.push_back(kernel.stream(b));
    SlowSystem slow(g, memory::l1_bytes(g, 1, 0));
    memory::Waves<RequestStream::Reader> waves(g.sms, 1, streams.size(), g.interleave, g.l2_wait);
    std::size_t next = 0;
    waves.run(
        [&](std::optional<RequestStream::Reader>& reader) {
          if (next == streams.size()) return memory::Supply::nothing;
          reader.emplace(streams[next++]);
          return memory::Supply::block;
        },
        [&](std::size_t sm, RequestKind kind, std::span<const memory::LinePart> lines) {
          return slow.request(sm, kind, lines);
        });
    Hierarchy gpu(g, kernel.blocks.size(), 1, 0);
    for (std::size_t b = 0; b < kernel.blocks.size(); ++b) gpu.add_block(b, kernel.stream(b));
    ASSERT_EQ(gpu.finish(), slow.finish()) << "seed " << seed;
  }
}

TEST(Hierarchy, CountsAreConsistent) {
  for (std::uint64_t seed = 2000; seed < 2200; ++seed) {
    RandomKernel kernel(seed);
    kernel.geometry.l2_hashed = true;
    Hierarchy gpu(kernel.geometry, kernel.blocks.size(), 1, 0);
    std::uint64_t loads = 0, bypasses = 0, stores = 0, atomics = 0, reductions = 0;
    for (std::size_t b = 0; b < kernel.blocks.size(); ++b) {
      for (const auto& [kind, sectors] : kernel.blocks[b]) {
        std::uint64_t* const sums[] = {&loads, &bypasses, &stores, &atomics, &reductions};
        *sums[static_cast<int>(kind)] += sectors.size();
      }
      gpu.add_block(b, kernel.stream(b));
    }
    const Counters c = gpu.finish();
    EXPECT_EQ(c.l1_read_sectors, loads);
    EXPECT_EQ(c.l2_to_l1_sectors, loads - c.l1_read_hits + bypasses + atomics);
    EXPECT_EQ(c.l1_to_l2_sectors, stores + atomics + reductions);
    EXPECT_LE(c.l2_read_hits, c.l2_to_l1_sectors);
    EXPECT_LE(c.dram_write_bytes + c.l2_dirty_bytes, 32 * c.l1_to_l2_sectors);
    EXPECT_LE(c.dram_read_bytes, 2 * 32 * (c.l2_to_l1_sectors - c.l2_read_hits + reductions));
  }
}

Counters in_order(const RandomKernel& kernel) {
  Hierarchy gpu(kernel.geometry, kernel.blocks.size(), 1, 0);
  for (std::size_t b = 0; b < kernel.blocks.size(); ++b) gpu.add_block(b, kernel.stream(b));
  return gpu.finish();
}

TEST(Hierarchy, TheOrderOfAddingChangesNothing) {
  for (std::uint64_t seed = 3000; seed < 3100; ++seed) {
    RandomKernel kernel(seed);
    const Counters expected = in_order(kernel);
    std::vector<std::size_t> order(kernel.blocks.size());
    for (std::size_t b = 0; b < order.size(); ++b) order[b] = b;
    for (std::size_t n = order.size(); n > 1; --n) {
      std::swap(order[n - 1],
                order[static_cast<std::size_t>(kernel.random.integer(0, static_cast<Index>(n) - 1))]);
    }
    Hierarchy gpu(kernel.geometry, kernel.blocks.size(), 1, 0);
    for (const std::size_t b : order) gpu.add_block(b, kernel.stream(b));
    ASSERT_EQ(gpu.finish(), expected) << "seed " << seed;
  }
}

TEST(Hierarchy, NorDoesTheNumberOfThreads) {
  for (std::uint64_t seed = 4000; seed < 4060; ++seed) {
    const RandomKernel kernel(seed);
    const Counters expected = in_order(kernel);
    Hierarchy gpu(kernel.geometry, kernel.blocks.size(), 1, 0);
    std::atomic<std::size_t> next = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (std::size_t b; (b = next++) < kernel.blocks.size();) gpu.add_block(b, kernel.stream(b));
      });
    }
    for (std::thread& thread : threads) thread.join();
    ASSERT_EQ(gpu.finish(), expected) << "seed " << seed;
  }
}

TEST(Hierarchy, BlocksThatNeverCameArePassedOver) {
  const auto run = [](std::vector<std::uint64_t> indices) {
    Hierarchy gpu(small_gpu(), indices.size(), 1, 0);
    for (const std::uint64_t index : indices) {
      RequestStream stream;
      stream.append(RequestKind::load, Sectors{0});
      gpu.add_block(index, std::move(stream));
    }
    return gpu.finish();
  };
  EXPECT_EQ(run({7, 9, 100}), run({0, 1, 2}));
  EXPECT_EQ(run({100, 7, 9}).l1_read_sectors, 3u);
  EXPECT_THROW(run({1, 1}), std::logic_error);
  EXPECT_THROW(run({0, 1, 2, 3, 0}), std::logic_error);
}

// 2 GB of traffic of 4,000 blocks: streams leave as soon as they are replayed.
TEST(Hierarchy, StreamsDoNotPileUp) {
  Geometry g = small_gpu();
  g.sms = 4;
  Hierarchy gpu(g, 4000, 1, 0);
  std::uint64_t sectors = 0, most = 0, all = 0;
  for (std::uint64_t b = 0; b < 4000; ++b) {
    RequestStream stream;
    for (std::uint32_t n = 0; n < 1000; ++n) {
      Sectors request;
      for (std::uint32_t s = 0; s < 16; ++s) request.push_back(n * 16 + s);
      stream.append(RequestKind::load_bypass, request);
      sectors += 16;
    }
    all += stream.encoded_bytes();
    gpu.add_block(b, std::move(stream));
    most = std::max(most, gpu.backlog_bytes());
  }
  EXPECT_EQ(gpu.finish().l2_to_l1_sectors, sectors);
  EXPECT_GT(sectors * 32, 2'000'000'000u);
  EXPECT_LT(most, all / 100);
}

// One block per row of x, which it loads a few times and then, maybe, stores to y (cuda/probes/probe.cu):
// what comes from the L2 again, on an H200 and here. Rows of finished blocks are in the way of the new ones'.
TEST(Hierarchy, RowsInPassesMissAsOnAnH200) {
  constexpr std::uint32_t kRows = 4096, kLineFloats = 32;
  Geometry h200;
  h200.sms = 132;
  h200.sram_bytes_per_sm = 256 << 10;
  h200.shared_bytes_per_sm = 228 << 10;
  h200.l2_bytes = 60 << 20;
  int problems = 0;
  double off = 0;
  for (const cuda::Row& row : cuda::read_table(ATTNLAB_SOURCE_DIR "/cuda/probes/h200_probe.csv").rows) {
    const auto lines = static_cast<std::uint32_t>(std::stoul(row.at("size"))) / kLineFloats;
    if (row.at("probe") != "passes" || (lines != 64 && lines != 128 && lines != 192)) continue;
    ++problems;
    Hierarchy gpu(h200, kRows, 8, 0);
    for (std::uint32_t block = 0; block < kRows; ++block) {
      RequestStream stream;
      const auto pass = [&](RequestKind kind, std::uint32_t first_row) {
        for (std::uint32_t line = 0; line < lines; ++line) {
          const std::uint32_t sector = 4 * ((first_row + block) * lines + line);
          stream.append(kind, Sectors{sector, sector + 1, sector + 2, sector + 3});
        }
      };
      for (int time = 0; time < std::stoi(row.at("parameter")); ++time) pass(RequestKind::load, 0);
      if (row.at("loaded_before") == "1") pass(RequestKind::store, kRows);
      gpu.add_block(block, std::move(stream));
    }
    const double difference =
        static_cast<double>(gpu.finish().l2_to_l1_sectors) / std::stod(row.at("count")) - 1;
    EXPECT_LT(std::abs(difference), 0.15)
        << row.at("size") << " columns, " << row.at("parameter") << " passes";
    off += std::abs(difference);
  }
  ASSERT_EQ(problems, 12);
  EXPECT_LT(off / problems, 0.08);
}

}  // namespace
}  // namespace attnlab::testing
