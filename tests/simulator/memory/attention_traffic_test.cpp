// Do the replayed tiles of an attention algorithm ask for exactly what its closed form says, and does the
// memory hierarchy make of them what it must?
#include "simulator/memory/attention_traffic.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "reference/core/errors.h"
#include "simulator/io/closed_form.h"
#include "simulator/memory/hierarchy.h"
#include "tests/reference/attention/random_problem.h"

namespace attnlab::testing {
namespace {

using attention::Algorithm;
using attention::Problem;
using attention::Tiles;
using io::Pass;
using memory::Counters;
using memory::kDqSum;
using memory::LaunchTraffic;
using memory::ReplaySettings;
using memory::tensor;

ReplaySettings small_gpu(Random& random) {
  ReplaySettings s;
  s.geometry.sms = static_cast<std::uint64_t>(random.integer(1, 6));
  s.geometry.l2_bytes = 4096 * static_cast<std::uint64_t>(random.integer(1, 30));
  s.resident_blocks = static_cast<std::uint64_t>(random.integer(1, 3));
  return s;
}

struct Totals {
  explicit Totals(const std::vector<LaunchTraffic>& launches) {
    for (const LaunchTraffic& launch : launches) {
      counters += launch.counters;
      for (std::size_t t = 0; t < memory::kTensorCount; ++t) {
        loaded[t] += launch.loaded[t];
        stored[t] += launch.stored[t];
        reduced[t] += launch.reduced[t];
      }
    }
  }
  Counters counters;
  std::array<std::uint64_t, memory::kTensorCount> loaded{}, stored{}, reduced{};
};

// By tensor, in bytes. flash2's backward pass on a GPU differs from its text in two ways: the query heads of
// a group share a block, and dQ is zeroed, summed by fp32 reductions, and rounded.
Totals expected(Algorithm algorithm, Pass pass, const Problem& p, const io::ElementSizes& sizes,
                Tiles tiles) {
  Totals all({});
  const bool fp32 = sizes(Hbm::dQ) == 4;
  for (Index b = 0; b < p.batch; ++b) {
    for (Index h = 0; h < p.num_heads; ++h) {
      const attention::Head head = head_of(p, b, h);
      io::Traffic t = head_traffic(algorithm, pass, head, tiles);
      if (algorithm == Algorithm::flash2 && pass == Pass::backward) {
        const auto numbers = static_cast<std::uint64_t>(head.seqlen_q * head.head_dim);
        const auto added = static_cast<std::uint64_t>(io::band_tiles(head, tiles).rows()) *
                           static_cast<std::uint64_t>(head.head_dim);
        const std::uint32_t sums = fp32 ? tensor(Hbm::dQ) : kDqSum;
        t.load(Hbm::dQ) = t.store(Hbm::dQ) = 0;
        all.stored[sums] += 4 * numbers;
        all.reduced[sums] += 4 * added;
        if (!fp32) {
          all.loaded[kDqSum] += 4 * numbers;
          t.store(Hbm::dQ) = numbers;
        }
        t.load(Hbm::dK) = t.load(Hbm::dV) = 0;
        if (!head.first_of_group) {
          t.load(Hbm::K) = t.load(Hbm::V) = t.store(Hbm::dK) = t.store(Hbm::dV) = 0;
        }
      }
      for (std::size_t n = 0; n < kHbmCount; ++n) {
        all.loaded[n] += static_cast<std::uint64_t>(t.loads[n] * sizes.bytes[n]);
        all.stored[n] += static_cast<std::uint64_t>(t.stores[n] * sizes.bytes[n]);
      }
    }
  }
  return all;
}

std::uint64_t sum(const std::array<std::uint64_t, memory::kTensorCount>& bytes) {
  std::uint64_t total = 0;
  for (const std::uint64_t b : bytes) total += b;
  return total;
}

constexpr DType kTypes[] = {DType::f32, DType::f16, DType::e4m3};

class AttentionTraffic : public ::testing::TestWithParam<Algorithm> {};

TEST_P(AttentionTraffic, TilesAskForWhatTheClosedFormSays) {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    Case c;
    make_case(c, seed, 70);
    Problem& p = c.p;
    p.mask = {};
    p.bias = {};
    Random random(seed + 7000);
    const Tiles tiles{random.integer(1, 40), random.integer(1, 40)};
    const io::ElementSizes sizes(kTypes[random.integer(0, 2)]);
    for (const Pass pass : {Pass::forward, Pass::backward}) {
      SCOPED_TRACE("seed " + std::to_string(seed) + c.description + " " + name(pass));
      const Totals got(replay(GetParam(), pass, p, sizes, tiles, small_gpu(random)));
      const Totals want = expected(GetParam(), pass, p, sizes, tiles);
      for (std::uint32_t t = 0; t < memory::kTensorCount; ++t) {
        EXPECT_EQ(got.loaded[t], want.loaded[t]) << "loads of " << memory::tensor_name(t);
        EXPECT_EQ(got.stored[t], want.stored[t]) << "stores of " << memory::tensor_name(t);
        EXPECT_EQ(got.reduced[t], want.reduced[t]) << "reductions of " << memory::tensor_name(t);
      }
      EXPECT_GE(32 * got.counters.l2_to_l1_sectors, sum(got.loaded));
    }
    if (HasFailure()) return;
  }
}

// Where every tile is whole sectors, what goes between L2 and SMs is the closed form's traffic to the byte.
TEST_P(AttentionTraffic, WholeSectorsMoveTheClosedFormsBytes) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Random random(seed);
    const auto eight = [&](Index low, Index high) { return 8 * random.integer(low, high); };
    Problem p;
    p.batch = random.integer(1, 2);
    p.num_kv_heads = random.integer(1, 2);
    p.num_heads = p.num_kv_heads * random.integer(1, 2);
    p.seqlen_q = 4 * eight(1, 12);
    p.seqlen_kv = 4 * eight(1, 12);
    p.head_dim = 4 * eight(1, 3);
    p.head_dim_v = random.chance(0.5) ? p.head_dim : 4 * eight(1, 3);
    p.causal = random.chance(0.5);
    if (random.chance(0.3)) p.window.left = random.integer(0, 200);
    const Tiles tiles{4 * eight(1, 5), 4 * eight(1, 5)};
    const io::ElementSizes sizes(kTypes[random.integer(0, 2)]);
    for (const Pass pass : {Pass::forward, Pass::backward}) {
      SCOPED_TRACE("seed " + std::to_string(seed) + " " + name(pass));
      ReplaySettings settings = small_gpu(random);
      const Totals bypass_l1(replay(GetParam(), pass, p, sizes, tiles, settings));
      const Totals want = expected(GetParam(), pass, p, sizes, tiles);
      EXPECT_EQ(32 * bypass_l1.counters.l2_to_l1_sectors, sum(want.loaded));
      EXPECT_EQ(32 * bypass_l1.counters.l1_to_l2_sectors, sum(want.stored) + sum(want.reduced));
      if (GetParam() != Algorithm::flash2 || pass == Pass::forward) {
        const io::Bytes closed = bytes(problem_traffic(GetParam(), pass, p, tiles), sizes);
        EXPECT_EQ(sum(want.loaded), static_cast<std::uint64_t>(closed.read));
        EXPECT_EQ(sum(want.stored), static_cast<std::uint64_t>(closed.written));
      }
      // An L1 keeps some of it from the L2, and nothing else changes between SM and L2.
      settings.l1_bytes = 64 * 1024;
      const Totals through_l1(replay(GetParam(), pass, p, sizes, tiles, settings));
      EXPECT_EQ(32 * through_l1.counters.l1_read_sectors, sum(want.loaded));
      EXPECT_EQ(through_l1.counters.l2_to_l1_sectors + through_l1.counters.l1_read_hits,
                bypass_l1.counters.l2_to_l1_sectors);
      EXPECT_EQ(through_l1.counters.l1_to_l2_sectors, bypass_l1.counters.l1_to_l2_sectors);
    }
  }
}

// The same requests, kept as streams and added block by block, as the emulator does.
TEST_P(AttentionTraffic, IsTheHierarchysOfTheSameRequests) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Case c;
    make_case(c, seed, 50);
    c.p.mask = {};
    c.p.bias = {};
    Random random(seed + 9000);
    const Tiles tiles{random.integer(4, 40), random.integer(4, 40)};
    const io::ElementSizes sizes(kTypes[random.integer(0, 2)]);
    ReplaySettings settings = small_gpu(random);
    settings.geometry.l1_spare_lines = 2;
    settings.geometry.sram_bytes_per_sm = 4096;
    settings.geometry.shared_bytes_per_sm = 3 * 1024;
    settings.l1_bytes = memory::l1_bytes(settings.geometry, settings.resident_blocks, 0);
    for (const Pass pass : {Pass::forward, Pass::backward}) {
      const auto replayed = replay(GetParam(), pass, c.p, sizes, tiles, settings);
      const memory::AttentionLayout layout = memory::layout_of(GetParam(), pass, c.p, sizes);
      const auto launches = memory::launches_of(GetParam(), pass, layout, tiles);
      ASSERT_EQ(launches.size(), replayed.size());
      for (std::size_t n = 0; n < launches.size(); ++n) {
        const memory::Launch& launch = launches[n];
        const auto blocks = static_cast<std::uint64_t>(launch.x * launch.y * launch.z);
        memory::Hierarchy gpu(settings.geometry, blocks, settings.resident_blocks, 0);
        for (Index b = 0; b < launch.x * launch.y * launch.z; ++b) {
          const auto account = [](const memory::TileAccess&) {};
          memory::TileStream stream(
              launch.block(b % launch.x, b / launch.x % launch.y, b / launch.x / launch.y), account);
          memory::RequestStream kept;
          std::vector<std::uint32_t> sectors;
          memory::RequestKind kind{};
          while (stream.next([&](memory::RequestKind k, std::uint32_t line, unsigned mask) {
            kind = k;
            for (unsigned s = 0; s < 4; ++s) {
              if ((mask >> s & 1) != 0) sectors.push_back(4 * line + s);
            }
          })) {
            kept.append(kind, sectors);
            sectors.clear();
          }
          gpu.add_block(static_cast<std::uint64_t>(b), std::move(kept));
        }
        EXPECT_EQ(gpu.finish(), replayed[n].counters) << "seed " << seed << " " << launch.name;
      }
    }
    if (HasFailure()) return;
  }
}

std::vector<Algorithm> replayed_algorithms() {
  std::vector<Algorithm> all;
  for (const auto& a : attention::algorithms()) {
    if (memory::has_launches(a.id)) all.push_back(a.id);
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Memory, AttentionTraffic, ::testing::ValuesIn(replayed_algorithms()),
                         [](const auto& param) {
                           std::string name = attention::info(param.param).name;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

Problem one_head(Index n, Index d) {
  Problem p;
  p.seqlen_q = p.seqlen_kv = n;
  p.head_dim = p.head_dim_v = d;
  return p;
}

// One block after the other, K and V of 512 KiB: read once where the L2 holds them, once per row block where
// it holds less, as every line has left before it is wanted again.
TEST(Replay, KeysThatDoNotFitAreReadAgain) {
  const Problem p = one_head(2048, 64);
  const io::ElementSizes sizes(DType::f16);
  constexpr std::uint64_t kTensor = 2048 * 64 * 2, kLse = 2048 * 4;
  ReplaySettings settings;
  settings.geometry.l2_partitions = 1;
  settings.geometry.l2_bytes = 4 * kTensor;
  const auto run = [&] {
    return replay(Algorithm::flash2, Pass::forward, p, sizes, {128, 128}, settings)[0].counters;
  };
  const Counters fits = run();
  EXPECT_EQ(fits.l2_to_l1_sectors * 32, (1 + 16 * 2) * kTensor);
  EXPECT_EQ(fits.dram_read_bytes, 3 * kTensor);
  EXPECT_EQ(fits.dram_write_bytes + fits.l2_dirty_bytes, kTensor + kLse);
  settings.geometry.l2_bytes = kTensor;
  const Counters not_half = run();
  EXPECT_EQ(not_half.l2_to_l1_sectors, fits.l2_to_l1_sectors);
  EXPECT_EQ(not_half.dram_read_bytes, (1 + 16 * 2) * kTensor);
  EXPECT_EQ(not_half.l2_read_hits, 0u);
  EXPECT_EQ(not_half.dram_write_bytes + not_half.l2_dirty_bytes, kTensor + kLse);
  // 16 blocks at a time walk over K and V together, and read each tile once.
  settings.geometry.sms = 16;
  EXPECT_EQ(run().dram_read_bytes, 3 * kTensor);
}

TEST(Replay, AnSmHoldsWhatTheTilesLeaveRoomFor) {
  const device::Device h200 = device::load("h200");
  const Problem p = one_head(4096, 64);
  const io::ElementSizes fp16(DType::f16);
  // S and O of 128 rows take 96 of 256 KB of registers; Q, K and V 48 of 228 KB of shared memory.
  EXPECT_EQ(memory::resident_blocks(h200, Pass::forward, p, fp16, {128, 128}), 2u);
  EXPECT_EQ(memory::resident_blocks(h200, Pass::backward, p, fp16, {128, 128}), 1u);
  EXPECT_EQ(memory::resident_blocks(h200, Pass::forward, p, fp16, {64, 64}), 8u);
  EXPECT_EQ(memory::resident_blocks(h200, Pass::forward, one_head(4096, 256), fp16, {64, 64}), 2u);
  EXPECT_EQ(memory::resident_blocks(h200, Pass::forward, p, fp16, {8, 8}), 16u);       // of 64 warps, 4 each
  EXPECT_EQ(memory::resident_blocks(h200, Pass::forward, p, fp16, {1024, 1024}), 1u);  // more than there is
  EXPECT_EQ(memory::resident_blocks(h200, Pass::forward, one_head(64, 64), fp16, {1024, 1024}),
            8u);  // 64 x 64 in truth
}

TEST(Replay, RefusesWhatItCannotReplay) {
  const io::ElementSizes sizes(DType::f16);
  ReplaySettings settings;
  settings.geometry.l2_bytes = 1 << 20;
  const auto refused = [&](Algorithm algorithm, const Problem& p, Tiles tiles, const ReplaySettings& s) {
    EXPECT_THROW(replay(algorithm, Pass::forward, p, sizes, tiles, s), InvalidArgument);
  };
  const Problem good = one_head(16, 16);
  refused(Algorithm::blocksparse, good, {8, 8}, settings);
  refused(Algorithm::flash2, good, {0, 8}, settings);
  refused(Algorithm::flash2, good, {8, 0}, settings);
  Problem p = good;
  const std::uint8_t mask = 1;
  p.mask = broadcast(&mask, 1, 1, 1, 1);
  refused(Algorithm::flash2, p, {8, 8}, settings);
  p = one_head(Index{1} << 30, 512);  // 1 TB a tensor
  refused(Algorithm::flash2, p, {8, 8}, settings);
  p = good;
  p.batch = p.num_heads = p.num_kv_heads = Index{1} << 20;
  p.seqlen_q = p.seqlen_kv = 0;
  p.kv_lens.clear();
  refused(Algorithm::flash1, p, {8, 8}, settings);  // 2^40 blocks
  settings.resident_blocks = 0;
  refused(Algorithm::flash2, good, {8, 8}, settings);
}

}  // namespace
}  // namespace attnlab::testing
