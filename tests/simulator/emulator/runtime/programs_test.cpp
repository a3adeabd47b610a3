// Do programs of the kind that a student or a kernel author brings run unchanged, with the right result in
// every order of warps and lanes, and without a finding? programs/*.cu check themselves; nvcc takes them too.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "simulator/emulator/report/json.h"

namespace attnlab::emulator {
namespace {

namespace fs = std::filesystem;

class ProgramFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("attnlab_programs_" + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  // Runs a piece of shell; what it says goes to a file. Its exit code.
  int shell(const std::string& command) const {
    const int status = std::system((command + " >'" + file("said") + "' 2>&1 </dev/null").c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string said() const {
    std::ifstream text(file("said"));
    return {std::istreambuf_iterator<char>(text), {}};
  }
  std::string file(const std::string& name) const { return folder_ / name; }

 private:
  fs::path folder_;
};

class Programs : public ProgramFiles, public ::testing::WithParamInterface<const char*> {};
using ProgramsByHand = ProgramFiles;

TEST_P(Programs, RunWithoutAFinding) {
  const std::string source =
      std::string(ATTNLAB_SOURCE_DIR) + "/tests/simulator/emulator/runtime/programs/" + GetParam() + ".cu";
  ASSERT_EQ(shell(std::string("'") + ATTNLAB_PROGRAM + "' cc '" + source + "' -o '" + file("program") + "'"),
            0)
      << said();
  for (const std::string way :
       {"ATTNLAB_EMULATOR_SEED=0", "ATTNLAB_EMULATOR_SEED=77 ATTNLAB_EMULATOR_THREADS=64"}) {
    EXPECT_EQ(shell(way + " ATTNLAB_EMULATOR_REPORT='" + file("report.json") + "' '" + file("program") + "'"),
              0)
        << way << "\n"
        << said();
    const Report report = read_json(file("report.json"));
    EXPECT_FALSE(report.kernels.empty());
    EXPECT_TRUE(report.findings.empty()) << said();
    for (const KernelReport& kernel : report.kernels) {
      EXPECT_TRUE(kernel.findings.empty()) << said();
      const auto copies = [&](Metric metric) { return kernel.counters[static_cast<std::size_t>(metric)]; };
      EXPECT_EQ(copies(Metric::async_copy_requests) != 0, copies(Metric::async_copy_bytes) != 0);
    }
  }
}

// Eight lines, eight times over: once each where the L1 answers, each time where a load passes it by.
TEST_F(ProgramsByHand, LoadsBypassTheL1) {
  ASSERT_EQ(
      shell(std::string("'") + ATTNLAB_PROGRAM + "' emulate '" + ATTNLAB_SOURCE_DIR +
            "/tests/simulator/emulator/runtime/programs/bypass_l1.cu' --json '" + file("report.json") + "'"),
      0)
      << said();
  const Report report = read_json(file("report.json"));
  ASSERT_EQ(report.kernels.size(), 10u);
  for (std::size_t way = 0; way < report.kernels.size(); ++way) {
    const auto count = [&](Metric metric) {
      return report.kernels[way].counters[static_cast<std::size_t>(metric)];
    };
    EXPECT_EQ(count(Metric::global_load_requests), way == 5 ? 16u : 64u);  // 5: one float4 per lane
    EXPECT_EQ(count(Metric::global_load_sectors), 256u);
    EXPECT_EQ(count(Metric::l2_to_l1_sectors), way < 3 ? 32u : 256u) << "way " << way;
  }
}

INSTANTIATE_TEST_SUITE_P(All, Programs,
                         ::testing::Values("sum", "histogram", "gemm", "wmma", "layernorm", "attention_mma",
                                           "many_blocks", "bypass_l1"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace attnlab::emulator
