// Does the replay of whole tiles move what an H200 moved for our own kernels (cuda/counters/h200.csv)?
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "cuda/counters/bars.h"
#include "cuda/host/registry.h"
#include "simulator/memory/attention_traffic.h"

namespace attnlab::testing {
namespace {

using attention::Algorithm;
using attention::Tiles;
using memory::Counters;

using cuda::Measurement;

const cuda::Measurements& measurements() {
  static const cuda::Measurements all = cuda::read_measurements(ATTNLAB_SOURCE_DIR "/cuda/counters/h200.csv");
  return all;
}

// The measured runs of a kernel.
std::vector<Measurement> runs_of(const std::string& kernel) {
  std::vector<Measurement> runs = measurements().runs;
  std::erase_if(runs, [&](const Measurement& run) { return run.kernel->name != kernel; });
  EXPECT_FALSE(runs.empty()) << kernel;
  return runs;
}

std::string describe(const Measurement& run) {
  return std::string(run.kernel->name) + " " + cuda::problem_text(*run.kernel, run.shape);
}

// Without an L1: the rungs' tiles pass it by, and what else they load is little.
Counters predicted(const Measurement& run, Algorithm algorithm, Tiles tiles) {
  const io::ElementSizes sizes(run.shape.type);
  const device::Device h200 = device::load("h200");
  const attention::Problem p = problem_of(run.shape);
  memory::ReplaySettings settings;
  settings.geometry = memory::geometry_of(h200);
  settings.l1_bytes = 0;
  settings.resident_blocks = memory::resident_blocks(h200, io::Pass::forward, p, sizes, tiles);
  Counters c = memory::replay(algorithm, io::Pass::forward, p, sizes, tiles, settings)[0].counters;
  c.dram_read_bytes += memory::launch_read_bytes(run.launches[0].code_bytes);
  return c;
}

double share(std::uint64_t a, std::uint64_t b) {
  return std::abs(static_cast<double>(a) / static_cast<double>(b) - 1);
}

// The tensors, code and constants: within 5 % or 64 KB.
void expect_dram_read(const Measurement& run, const Counters& c) {
  const auto measured = static_cast<double>(*run.sum("dram__bytes_read.sum"));
  EXPECT_LE(std::abs(static_cast<double>(c.dram_read_bytes) - measured), std::max(0.05 * measured, 65536.0))
      << c.dram_read_bytes << " for " << measured;
}

// Every tile goes from the L2 to its SM once: equal, to the sector.
TEST(H200, FlashAttention2) {
  for (const std::string kernel : {"flash2-04", "flash2-05"}) {
    for (const Measurement& run : runs_of(kernel)) {
      SCOPED_TRACE(describe(run));
      const cuda::Geometry g = run.kernel->geometry(static_cast<int>(run.shape.head_dim), {});
      const Counters c = predicted(run, Algorithm::flash2, {g.br, g.bc});
      EXPECT_EQ(c.l2_to_l1_sectors, *run.sum("l1tex__m_xbar2l1tex_read_sectors.sum"));
      expect_dram_read(run, c);
      // What stayed dirty in the L2 is not among DRAM's writes.
      EXPECT_LE(*run.sum("dram__bytes_write.sum"), (c.dram_write_bytes + c.l2_dirty_bytes) * 21 / 20);
      // Rung 05 stores lse four rows at a time, a sector for each store; rung 04 as the text does.
      if (run.kernel->name == std::string("flash2-04")) {
        EXPECT_LT(share(c.l1_to_l2_sectors, *run.sum("l1tex__m_l1tex2xbar_write_sectors.sum")), 0.03);
      }
    }
  }
}

// A head is a block, and its state goes through memory: all of it stays in the L1, or none.
TEST(H200, FlashAttention1) {
  for (const Measurement& run : runs_of("flash1-03")) {
    if (run.shape.type != DType::f32)
      continue;  // with narrower types it keeps O in fp32, which the text does not
    SCOPED_TRACE(describe(run));
    const cuda::Geometry g = run.kernel->geometry(static_cast<int>(run.shape.head_dim), {});
    const Counters c = predicted(run, Algorithm::flash1, {g.br, g.bc});
    EXPECT_LT(share(c.l2_to_l1_sectors, *run.sum("l1tex__m_xbar2l1tex_read_sectors.sum")), 0.05);
    EXPECT_LT(share(c.l1_to_l2_sectors, *run.sum("l1tex__m_l1tex2xbar_write_sectors.sum")), 0.03);
    expect_dram_read(run, c);
  }
}

}  // namespace
}  // namespace attnlab::testing
