// Does the emulator count, for every kernel that an H200 was measured with, the global requests and sectors
// that the H200's own counters show: equal, not nearly? Are its committed predictions what it still gives,
// and do they come as near to the H200's counters as they should?
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "cuda/counters/bars.h"
#include "simulator/emulator/runtime/session.h"
#include "simulator/memory/geometry.h"
#include "tests/cuda/backends.h"
#include "tests/cuda/findings.h"

namespace attnlab::testing {
namespace {

using cuda::Measurement;

std::string name_of(const Measurement& m) {
  std::string name = std::string(m.kernel->name) + "_" + std::string(attnlab::name(m.shape.type)) + "_" +
                     std::to_string(m.shape.seqlen_kv) + "_" + std::to_string(m.shape.head_dim) +
                     (m.shape.causal ? "_causal" : "");
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

// What runs in a second or two: products of queries and keys, or numbers of a softmax.
bool small(const Measurement& m) {
  const cuda::Shape& s = m.shape;
  if (m.kernel->pass == cuda::Pass::softmax) return s.heads * s.seqlen_kv <= Index{1} << 21;
  const Index products = s.batch * s.heads * s.seqlen_q * s.seqlen_kv * s.head_dim;
  const bool every_product_reads_memory = m.kernel->whole_rows || m.kernel->pass == cuda::Pass::backward;
  return products <= (every_product_reads_memory ? 35'000'000 : 135'000'000);
}

const cuda::Measurements& measurements() {
  static const cuda::Measurements all = cuda::read_measurements(ATTNLAB_SOURCE_DIR "/cuda/counters/h200.csv");
  return all;
}

const cuda::Measurements& predictions() {
  static const cuda::Measurements all =
      cuda::read_measurements(ATTNLAB_SOURCE_DIR "/cuda/counters/emulated.csv");
  return all;
}

std::vector<Measurement> small_measurements() {
  std::vector<Measurement> all = measurements().runs;
  std::erase_if(all, [](const Measurement& m) { return !small(m); });
  return all;
}

class MeasuredKernel : public ::testing::TestWithParam<Measurement> {};

TEST_P(MeasuredKernel, AsksForAsManySectorsAsTheHardwareCounted) {
  const Measurement& m = GetParam();
  emulator::options().registers = measurements().registers();
  emulator::take_report();
  cuda::launch_once(cuda::Backend::emulator, *m.kernel, m.shape);
  const emulator::Report report = emulator::take_report();
  ASSERT_EQ(report.kernels.size(), m.launches.size()) << "CUDA kernels of a run";
  std::map<std::string, std::uint64_t> sums;
  for (std::size_t step = 0; step < m.launches.size(); ++step) {
    const auto& [kernel, measured, code_bytes] = m.launches[step];
    EXPECT_EQ(report.kernels[step].name, kernel);
    for (const auto& metric : emulator::metrics()) {
      const std::uint64_t count = report.kernels[step].counters[static_cast<std::size_t>(metric.metric)];
      sums[std::string(metric.name)] += count;
      const auto emulated = static_cast<double>(count);
      const auto at = measured.find(std::string(metric.name));
      if (at == measured.end()) continue;
      // Requests and sectors follow from the source: equal. Shared memory's wavefronts too, but for the few
      // that the hardware adds when requests meet, and what nvcc fuses otherwise than the model does.
      if (metric.name.find("_pipe_lsu_mem_global_op_") != std::string_view::npos) {
        EXPECT_EQ(emulated, at->second) << kernel << ": " << metric.name;
      } else if (metric.name.find("_wavefronts_mem_shared_op_") != std::string_view::npos) {
        EXPECT_LE(std::abs(emulated - at->second), 0.05 * at->second) << kernel << ": " << metric.name;
      }
    }
    EXPECT_TRUE(report.kernels[step].findings.empty()) << kernel;
    sums["dram__bytes_read.sum"] += memory::launch_read_bytes(code_bytes);
  }
  const Measurement* committed = predictions().find(*m.kernel, m.shape);
  ASSERT_NE(committed, nullptr);
  for (const auto& [counter, predicted] : committed->launches.at(0).counters) {
    EXPECT_EQ(static_cast<double>(sums[counter]), predicted) << counter << ", cuda/counters/emulated.csv";
  }
}

TEST(MeasuredKernels, AreThere) { EXPECT_GE(small_measurements().size(), 40u) << "cuda/counters/h200.csv"; }

// Every deviation beyond a bar is listed with its size, and nothing is listed that does not deviate so.
TEST(Predictions, MeetTheBarsButForTheExceptions) {
  const auto exceptions = cuda::read_exceptions(ATTNLAB_SOURCE_DIR "/cuda/counters/exceptions.csv");
  std::set<std::string> listed, found;
  for (const cuda::Exception& e : exceptions) {
    listed.insert(e.kernel + "; " + e.problem + "; " + e.counter + "; " + e.deviation);
    EXPECT_FALSE(e.cause.empty()) << e.kernel << " " << e.problem;
  }
  EXPECT_EQ(listed.size(), exceptions.size()) << "one twice";
  for (const Measurement& predicted : predictions().runs) {
    const Measurement* measured = measurements().find(*predicted.kernel, predicted.shape);
    ASSERT_NE(measured, nullptr);
    for (const cuda::Bar& bar : cuda::bars()) {
      ASSERT_TRUE(predicted.sum(bar.counter) && measured->sum(bar.counter)) << bar.counter;
      const auto c = cuda::compare(bar, predicted, *measured);
      if (c && !cuda::meets(bar, *c)) {
        found.insert(std::string(predicted.kernel->name) + "; " +
                     cuda::problem_text(*predicted.kernel, predicted.shape) + "; " + bar.title + "; " +
                     c->deviation());
      }
    }
  }
  EXPECT_EQ(found, listed);
}

TEST(Predictions, AreOfMostRuns) { EXPECT_GE(predictions().runs.size(), 100u); }

INSTANTIATE_TEST_SUITE_P(Cuda, MeasuredKernel, ::testing::ValuesIn(small_measurements()),
                         [](const auto& m) { return name_of(m.param); });

}  // namespace
}  // namespace attnlab::testing
