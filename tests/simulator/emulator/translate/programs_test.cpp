// Do whole CUDA programs, unmodified, compile and run on the emulator with the right results? The programs
// check themselves; they are valid for nvcc too.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "os/process.h"
#include "os/temporary_directory.h"
#include "simulator/emulator/ptx/check.h"
#include "simulator/emulator/report/json.h"
#include "simulator/emulator/translate/compile.h"

namespace attnlab::emulator::translate {
namespace {

namespace fs = std::filesystem;

struct Outcome {
  int compiled = 0, exit_code = 0;
  Report report;
  std::vector<FindingKind> kinds;  // of all findings
};

Outcome run(const fs::path& source, const std::vector<std::string>& options = {}) {
  const os::TemporaryDirectory work;
  std::vector<std::string> line = options;
  line.insert(line.end(), {source.string(), "-o", work.path() / "program"});
  Compilation compilation = parse_command_line(line);
  compilation.check_asm = ptx::problem;
  Outcome outcome;
  outcome.compiled = compile(compilation);
  if (outcome.compiled != 0) return outcome;
  outcome.exit_code = os::run({.words = {work.path() / "program"},
                               .environment = {{"ATTNLAB_EMULATOR_REPORT", work.path() / "report.json"},
                                               {"ATTNLAB_EMULATOR_QUIET", "1"}}});
  outcome.report = read_json(work.path() / "report.json");
  const auto note = [&](const std::vector<Finding>& findings) {
    for (const Finding& finding : findings) {
      outcome.kinds.push_back(finding.kind);
      if (finding.kind != FindingKind::refused_launch)
        ADD_FAILURE() << finding.line << ": " << finding.message;
    }
  };
  note(outcome.report.findings);
  for (const KernelReport& kernel : outcome.report.kernels) note(kernel.findings);
  return outcome;
}

fs::path program(const std::string& name) {
  return fs::path(ATTNLAB_SOURCE_DIR) / "tests/simulator/emulator/translate/programs" / name;
}

TEST(Programs, Launches) {
  const Outcome outcome = run(program("launches.cu"));
  EXPECT_EQ(outcome.compiled, 0);
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.kinds, testing::ElementsAre(FindingKind::refused_launch, FindingKind::refused_launch));
}
TEST(Programs, Memory) {
  const Outcome outcome = run(program("memory.cu"));
  EXPECT_EQ(outcome.compiled, 0);
  EXPECT_EQ(outcome.exit_code, 0);
}
TEST(Programs, InlinePtx) {
  const Outcome outcome = run(program("inline_ptx.cu"));
  EXPECT_EQ(outcome.compiled, 0);
  EXPECT_EQ(outcome.exit_code, 0);
}

TEST(Programs, WithClang) {
  if (std::system("command -v clang++ > /dev/null") != 0) GTEST_SKIP() << "no clang++";
  for (const char* name : {"memory.cu", "inline_ptx.cu"}) {
    const Outcome outcome = run(program(name), {"--compiler=clang++"});
    EXPECT_EQ(outcome.compiled, 0);
    EXPECT_EQ(outcome.exit_code, 0);
  }
}

// Lines of counters are those of the source, in the file where they stand, whatever was translated before
// them.
TEST(Programs, CountersNameTheLine) {
  const os::TemporaryDirectory work;
  std::ofstream(work.path() / "k.cuh")
      << "#pragma once\n\n__global__ void k(int* p) {\n  p[threadIdx.x] = 1;\n}\n";
  std::ofstream(work.path() / "a.cu") << "#include \"k.cuh\"\n"
                                         "__global__ void l(int* p) {\n"
                                         "  asm volatile(\"bar\"\n"
                                         "               \".sync 0;\");\n"
                                         "  p[threadIdx.x] = 2;\n"
                                         "}\n"
                                         "int main() {\n"
                                         "  int* p;\n"
                                         "  cudaMalloc(&p, 128);\n"
                                         "  k<<<1, 32>>>(p);\n"
                                         "  l<<<1, 32>>>(p);\n"
                                         "  cudaFree(p);\n"
                                         "}\n";
  const Outcome outcome = run(work.path() / "a.cu");
  ASSERT_EQ(outcome.report.kernels.size(), 2u);
  const auto store = [&](std::size_t kernel) {
    std::string place;
    for (const LineReport& line : outcome.report.kernels[kernel].lines) {
      if (line.counters[static_cast<std::size_t>(Metric::global_store_requests)] == 1)
        place += fs::path(line.file).filename().string() + ":" + std::to_string(line.line);
    }
    return place;
  };
  EXPECT_EQ(store(0), "k.cuh:4");
  EXPECT_EQ(store(1), "a.cu:5");
}

// Several files, one of host code alone, objects, and __CUDA_ARCH__ from the command line.
TEST(Programs, SeparateCompilation) {
  const os::TemporaryDirectory work;
  std::ofstream(work.path() / "kernel.cu") << "__global__ void k(int* p) { *p = __CUDA_ARCH__; }\n"
                                              "void launch(int* p) { k<<<1, 1>>>(p); }\n";
  std::ofstream(work.path() / "main.cpp") << "#include <cuda_runtime.h>\n"
                                             "void launch(int* p);\n"
                                             "int main() { int *p, h = 0; cudaMalloc(&p, 4); launch(p);\n"
                                             "  cudaMemcpy(&h, p, 4, cudaMemcpyDeviceToHost); cudaFree(p);\n"
                                             "  return h == 800 ? 0 : 1; }\n";
  const std::string object = work.path() / "kernel.o";
  ASSERT_EQ(compile(parse_command_line({"-c", work.path() / "kernel.cu", "-o", object, "-arch=sm_80"})), 0);
  EXPECT_EQ(run(work.path() / "main.cpp", {object}).exit_code, 0);
}

}  // namespace
}  // namespace attnlab::emulator::translate
