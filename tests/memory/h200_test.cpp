// Does the replay of whole tiles move what an H200 moved for our own kernels (cuda/counters/h200.csv)?
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "cuda/attention/geometry.h"
#include "simulator/memory/attention_traffic.h"

namespace attnlab::testing {
namespace {

using attention::Algorithm;
using attention::Tiles;
using memory::Counters;

using Row = std::map<std::string, std::string>;

// Cells of a line, in quotes where they hold a comma.
std::vector<std::string> cells(const std::string& line) {
  std::vector<std::string> all(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      all.emplace_back();
    } else {
      all.back() += c;
    }
  }
  return all;
}

// The measured launches of a kernel.
std::vector<Row> launches_of(const std::string& kernel) {
  std::ifstream file(std::string(ATTNLAB_SOURCE_DIR) + "/cuda/counters/h200.csv");
  EXPECT_TRUE(file);
  std::vector<Row> rows;
  std::vector<std::string> header;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("#")) continue;
    const auto values = cells(line);
    if (header.empty()) {
      header = values;
    } else if (values[0] == kernel) {
      Row& row = rows.emplace_back();
      for (std::size_t n = 0; n < header.size(); ++n) row[header[n]] = values.at(n);
    }
  }
  EXPECT_FALSE(rows.empty()) << kernel;
  return rows;
}

std::uint64_t count(const Row& row, const std::string& name) {
  return static_cast<std::uint64_t>(std::stod(row.at(name)));
}

attention::Problem problem_of(const Row& row) {
  const auto extent = [&](const char* name) { return static_cast<Index>(count(row, name)); };
  attention::Problem p;
  p.batch = extent("batch");
  p.num_heads = extent("heads");
  p.num_kv_heads = extent("kv_heads");
  p.seqlen_q = extent("seqlen_q");
  p.seqlen_kv = extent("seqlen_kv");
  p.head_dim = p.head_dim_v = extent("head_dim");
  p.causal = extent("causal") != 0;
  return p;
}

std::string describe(const Row& row) {
  return row.at("kernel") + " " + row.at("dtype") + " N " + row.at("seqlen_q") + " d " + row.at("head_dim") +
         (row.at("causal") == "1" ? " causal" : "");
}

Counters predicted(const Row& row, Algorithm algorithm, Tiles tiles, std::uint64_t l1_bytes) {
  const io::ElementSizes sizes(parse_dtype(row.at("dtype")));
  const device::Device h200 = device::load("h200");
  const attention::Problem p = problem_of(row);
  memory::ReplaySettings settings;
  settings.geometry = memory::geometry_of(h200);
  settings.l1_bytes = l1_bytes;
  settings.resident_blocks = memory::resident_blocks(h200, io::Pass::forward, p, sizes, tiles);
  return memory::replay(algorithm, io::Pass::forward, p, sizes, tiles, settings)[0].counters;
}

double share(std::uint64_t a, std::uint64_t b) {
  return std::abs(static_cast<double>(a) / static_cast<double>(b) - 1);
}

// What DRAM read is the tensors, to 5 %, and what the model does not know: the launch's code (30 to 70 KB in
// these kernels) and constants.
void expect_dram_read(const Row& row, const Counters& c) {
  constexpr double code_and_constants = 128 << 10;
  const auto predicted = static_cast<double>(c.dram_read_bytes);
  const auto measured = static_cast<double>(count(row, "dram__bytes_read.sum"));
  EXPECT_GT(measured, predicted * 0.95);
  EXPECT_LT(measured, predicted * 1.05 + code_and_constants);
}

// Every tile goes from the L2 to its SM once: equal, to the sector.
TEST(H200, FlashAttention2) {
  for (const auto& [kernel, geometry] :
       {std::pair{"flash2-04", &cuda::thread_a_row_geometry}, {"flash2-05", &cuda::register_tile_geometry}}) {
    for (const Row& row : launches_of(kernel)) {
      SCOPED_TRACE(describe(row));
      const cuda::Geometry g = geometry(static_cast<int>(count(row, "head_dim")));
      const Counters c = predicted(row, Algorithm::flash2, {g.br, g.bc}, 0);
      EXPECT_EQ(c.l2_to_l1_sectors, count(row, "l1tex__m_xbar2l1tex_read_sectors.sum"));
      expect_dram_read(row, c);
      // What stayed dirty in the L2 is not among DRAM's writes.
      EXPECT_LE(count(row, "dram__bytes_write.sum"), (c.dram_write_bytes + c.l2_dirty_bytes) * 21 / 20);
      // Rung 05 stores lse four rows at a time, a sector for each store; rung 04 as the text does.
      if (row.at("kernel") == "flash2-04") {
        EXPECT_LT(share(c.l1_to_l2_sectors, count(row, "l1tex__m_l1tex2xbar_write_sectors.sum")), 0.03);
      }
    }
  }
}

// A head is a block, and its state goes through memory: all of it stays in the L1, or none.
TEST(H200, FlashAttention1) {
  for (const Row& row : launches_of("flash1-03")) {
    if (row.at("dtype") != "fp32")
      continue;  // with narrower types it keeps O in fp32, which the text does not
    SCOPED_TRACE(describe(row));
    const cuda::Geometry g = cuda::thread_a_row_geometry(static_cast<int>(count(row, "head_dim")));
    const std::uint64_t l1 = 262144 - count(row, "launch__shared_mem_config_size");
    const Counters c = predicted(row, Algorithm::flash1, {g.br, g.bc}, l1);
    EXPECT_LT(share(c.l2_to_l1_sectors, count(row, "l1tex__m_xbar2l1tex_read_sectors.sum")), 0.05);
    EXPECT_LT(share(c.l1_to_l2_sectors, count(row, "l1tex__m_l1tex2xbar_write_sectors.sum")), 0.03);
    expect_dram_read(row, c);
  }
}

}  // namespace
}  // namespace attnlab::testing
