// How many sectors per second go through the model of the memory hierarchy, and what keeping and replaying a
// kernel's requests costs?
//
// The patterns are those of real kernels: tiles loaded row by row (contiguous), one thread per row (32 lanes
// in 32 lines), and a table looked up at random. replay: from stored streams through L1s, L2 and DRAM, as
// under the emulator; tiles: whole tiles that no stream stores, as `attnlab traffic` replays them.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "reference/core/philox.h"
#include "simulator/memory/attention_traffic.h"
#include "simulator/memory/hierarchy.h"

namespace attnlab {
namespace {

enum Pattern : std::int64_t { contiguous, row_a_lane, random_table };

constexpr std::uint32_t kRequests = 4096, kBlocks = 528;

memory::Geometry h200() { return memory::geometry_of(device::load("h200")); }

// Request n of a block: 512 contiguous bytes of K and V of the block's head, which 8 blocks share; or the
// n-th element of 32 rows of its own.
void sectors_of(Pattern pattern, std::uint32_t block, std::uint32_t n, std::vector<std::uint32_t>& sectors) {
  sectors.clear();
  for (std::uint32_t lane = 0; lane < 32; ++lane) {
    switch (pattern) {
      case contiguous:
        if (lane < 16) sectors.push_back(block / 8 * 16384 + n * 16 % 16384 + lane);
        break;
      case row_a_lane:
        sectors.push_back((block * 128 + n / 128 % 4 * 32 + lane) * 16 + n % 128 / 8);
        break;
      case random_table:
        sectors.push_back(philox(lane, block * kRequests + n)[0] >> 10);
        break;
    }
  }
}

std::vector<memory::RequestStream> streams_of(Pattern pattern) {
  std::vector<memory::RequestStream> streams(kBlocks);
  std::vector<std::uint32_t> sectors;
  for (std::uint32_t b = 0; b < kBlocks; ++b) {
    for (std::uint32_t n = 0; n < kRequests; ++n) {
      sectors_of(pattern, b, n, sectors);
      streams[b].append(memory::RequestKind::load, sectors);
    }
  }
  return streams;
}

void count_sectors(benchmark::State& state, std::uint64_t sectors) {
  state.counters["sectors/s"] =
      benchmark::Counter(static_cast<double>(sectors), benchmark::Counter::kIsIterationInvariantRate);
}

void append(benchmark::State& state) {
  std::vector<std::vector<std::uint32_t>> requests(kRequests);
  std::uint64_t count = 0, bytes = 0;
  for (std::uint32_t n = 0; n < kRequests; ++n) {
    sectors_of(static_cast<Pattern>(state.range(0)), 1, n, requests[n]);
    count += requests[n].size();
  }
  for (auto _ : state) {
    memory::RequestStream stream;
    for (const auto& request : requests) stream.append(memory::RequestKind::load, request);
    bytes = stream.encoded_bytes();
    benchmark::DoNotOptimize(stream);
  }
  count_sectors(state, count);
  state.counters["bytes/request"] = static_cast<double>(bytes) / kRequests;
}

void replay(benchmark::State& state) {
  const auto streams = streams_of(static_cast<Pattern>(state.range(0)));
  const memory::Geometry geometry = h200();
  std::uint64_t sectors = 0;
  for (auto _ : state) {
    memory::MemorySystem system(geometry, memory::l1_bytes(geometry, 4, 16384));
    memory::Waves<memory::RequestStream::Reader> waves(geometry.sms, 4, streams.size(), geometry.interleave,
                                                       geometry.l2_wait);
    std::size_t next = 0;
    waves.run(
        [&](std::optional<memory::RequestStream::Reader>& reader) {
          if (next == streams.size()) return memory::Supply::nothing;
          reader.emplace(streams[next++]);
          return memory::Supply::block;
        },
        [&](std::size_t sm, memory::RequestKind kind, std::span<const memory::LinePart> lines) {
          return system.request(sm, kind, lines);
        });
    sectors = system.counters().l1_read_sectors;
  }
  count_sectors(state, sectors);
}

// FlashAttention-2 at N 2048, 64 heads, fp16, tiles of 128 x 128: 2.2 GB between L2 and SMs.
void tiles(benchmark::State& state) {
  attention::Problem p;
  p.num_heads = p.num_kv_heads = 64;
  p.seqlen_q = p.seqlen_kv = 2048;
  p.head_dim = p.head_dim_v = 64;
  memory::ReplaySettings settings;
  settings.geometry = h200();
  settings.resident_blocks = 2;
  std::uint64_t sectors = 0;
  for (auto _ : state) {
    const auto launches = memory::replay(attention::Algorithm::flash2, io::Pass::forward, p,
                                         io::ElementSizes(DType::f16), {128, 128}, settings);
    sectors = launches[0].counters.l2_to_l1_sectors + launches[0].counters.l1_to_l2_sectors;
  }
  count_sectors(state, sectors);
}

BENCHMARK(append)->ArgName("pattern")->Arg(contiguous)->Arg(row_a_lane)->Arg(random_table);
BENCHMARK(replay)
    ->ArgName("pattern")
    ->Arg(contiguous)
    ->Arg(row_a_lane)
    ->Arg(random_table)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(tiles)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace attnlab

BENCHMARK_MAIN();
