// Does the emulator count, for every kernel that an H200 was measured with, the global requests and sectors
// that the H200's own counters show: equal, not nearly?
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "cuda/counters/launch_once.h"
#include "tests/cuda/backends.h"
#include "tests/cuda/findings.h"

namespace attnlab::testing {
namespace {

using cuda::ElementType;

using Row = std::map<std::string, std::string>;  // a line of the table by the names of its columns

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (const char letter : line) {
    if (letter == '"') {
      quoted = !quoted;
    } else if (letter == ',' && !quoted) {
      cells.emplace_back();
    } else {
      cells.back() += letter;
    }
  }
  return cells;
}

// One run of a kernel: the rows of the CUDA kernels that it launched.
struct Measurement {
  const cuda::Kernel* kernel;
  cuda::Shape shape;
  std::vector<Row> rows;
};

std::string name_of(const Measurement& m) {
  std::string name = std::string(m.kernel->name) + "_" + cuda::name(m.shape.type) + "_" +
                     std::to_string(m.shape.seqlen_kv) + "_" + std::to_string(m.shape.head_dim) +
                     (m.shape.causal ? "_causal" : "");
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}
void PrintTo(const Measurement& m, std::ostream* os) { *os << name_of(m); }

// What runs in a second or two, by its products of queries and keys, or numbers of a softmax.
bool small(const Measurement& m) {
  const cuda::Shape& s = m.shape;
  if (m.kernel->pass == cuda::Pass::softmax) return s.heads * s.seqlen_kv <= Index{1} << 21;
  const Index products = s.batch * s.heads * s.seqlen_q * s.seqlen_kv * s.head_dim;
  const bool slow = m.kernel->whole_rows || m.kernel->pass == cuda::Pass::backward;
  return products <= (slow ? 35'000'000 : 135'000'000);
}

std::vector<Measurement> small_measurements() {
  std::ifstream file(ATTNLAB_SOURCE_DIR "/cuda/counters/h200.csv");
  std::vector<std::string> columns;
  std::vector<Measurement> all;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    const auto cells = cells_of(line);
    if (columns.empty()) {
      columns = cells;
      continue;
    }
    Row row;
    for (std::size_t n = 0; n < columns.size(); ++n) row[columns[n]] = cells.at(n);
    if (row["step"] == "0") {
      const auto number = [&](const char* column) { return static_cast<Index>(std::stoll(row[column])); };
      cuda::Shape s;
      s.seqlen_q = number("seqlen_q"), s.seqlen_kv = number("seqlen_kv"), s.head_dim = number("head_dim");
      s.batch = number("batch"), s.heads = number("heads"), s.kv_heads = number("kv_heads");
      s.causal = row["causal"] == "1";
      s.type = row["dtype"] == "fp32"   ? ElementType::f32
               : row["dtype"] == "fp16" ? ElementType::f16
                                        : ElementType::bf16;
      all.push_back({&cuda::find_kernel(row["kernel"]), s, {}});
    }
    all.back().rows.push_back(row);
  }
  std::erase_if(all, [](const Measurement& m) { return !small(m); });
  return all;
}

class MeasuredKernel : public ::testing::TestWithParam<Measurement> {};

TEST_P(MeasuredKernel, AsksForAsManySectorsAsTheHardwareCounted) {
  const Measurement& m = GetParam();
  simt::take_report();
  cuda::launch_once(cuda::Backend::emulator, *m.kernel, m.shape);
  const simt::Report report = simt::take_report();
  ASSERT_EQ(report.kernels.size(), m.rows.size()) << "CUDA kernels of a run";
  for (std::size_t step = 0; step < m.rows.size(); ++step) {
    Row row = m.rows[step];
    for (const auto& metric : simt::metrics()) {
      const std::string name(metric.name);
      if (name.find("_pipe_lsu_mem_global_op_") == std::string::npos || !row.contains(name)) continue;
      EXPECT_EQ(std::to_string(report.kernels[step].counters[static_cast<std::size_t>(metric.metric)]),
                row[name])
          << row["cuda_kernel"] << ": " << name;
    }
    EXPECT_TRUE(report.kernels[step].findings.empty()) << row["cuda_kernel"];
  }
}

TEST(MeasuredKernels, AreThere) { EXPECT_GE(small_measurements().size(), 40u) << "cuda/counters/h200.csv"; }

INSTANTIATE_TEST_SUITE_P(Cuda, MeasuredKernel, ::testing::ValuesIn(small_measurements()),
                         [](const auto& m) { return name_of(m.param); });

}  // namespace
}  // namespace attnlab::testing
