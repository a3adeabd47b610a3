// Do the built-in functions of device code do what CUDA documents? The programs say so themselves; they are
// plain CUDA and hold on a GPU as well. No order of warps and lanes may change that, and the checks must find
// nothing.
#include <gtest/gtest.h>

#include "tests/simulator/emulator/cuda_headers/run_program.h"

namespace attnlab::emulator {
namespace {

class BuiltIns : public testing::TestWithParam<const char*> {};

TEST_P(BuiltIns, HoldInEveryOrder) {
  const Program program(GetParam());
  ASSERT_TRUE(program.compiled()) << program.warnings();
  EXPECT_EQ(program.warnings(), "");
  for (const char* seed : {"0", "1", "77"}) {
    const Outcome outcome = program.run(seed);
    EXPECT_EQ(outcome.exit_code, 0) << "seed " << seed << "\n" << outcome.output;
    EXPECT_TRUE(outcome.findings().empty()) << "seed " << seed << "\n" << outcome.output;
  }
}

INSTANTIATE_TEST_SUITE_P(, BuiltIns,
                         testing::Values("warp", "atomics", "groups", "async", "wmma", "bits", "math",
                                         "halves", "blas"),
                         [](const auto& instance) { return std::string(instance.param); });

// Every call to a library that is not there answers its "not supported", and is a finding at its line, since
// a program may not look.
TEST(Libraries, EachCallIsAFinding) {
  const Program program("libraries");
  ASSERT_TRUE(program.compiled()) << program.warnings();
  const Outcome outcome = program.run();
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  std::string calls;
  for (const Finding& finding : outcome.findings()) {
    EXPECT_EQ(finding.kind, FindingKind::unsupported) << finding.message;
    EXPECT_EQ(std::filesystem::path(finding.file).filename(), "libraries.cu");
    calls += finding.message.substr(0, finding.message.find(':')) + " ";
  }
  EXPECT_EQ(calls,
            "cublasStrsv curandCreateGenerator cudnnCreate cuInit "
            "nvrtcCreateProgram ");
}

struct Mistake {
  const char* name;
  FindingKind kind;
  const char* says;
};

class BlasMistakes : public testing::TestWithParam<Mistake> {};

// What cuBLAS cannot compute is refused with the argument that is wrong, at the line of the call.
TEST_P(BlasMistakes, AreFindings) {
  static const Program program("blas");
  ASSERT_TRUE(program.compiled()) << program.warnings();
  const Outcome outcome = program.run("0", GetParam().name);
  EXPECT_EQ(outcome.exit_code, 1) << outcome.output;
  const std::vector<Finding> findings = outcome.findings();
  ASSERT_EQ(findings.size(), 1u) << outcome.output;
  EXPECT_EQ(findings[0].kind, GetParam().kind);
  EXPECT_EQ(std::filesystem::path(findings[0].file).filename(), "blas.cu");
  EXPECT_NE(findings[0].message.find(GetParam().says), std::string::npos) << findings[0].message;
}

INSTANTIATE_TEST_SUITE_P(
    , BlasMistakes,
    testing::Values(Mistake{"leading", FindingKind::refused_call, "expected lda at least the rows of A"},
                    Mistake{"host", FindingKind::refused_call, "is host memory, expected 64 bytes of device"},
                    Mistake{"beyond", FindingKind::refused_call, "C: 256 bytes at byte 32 of a cudaMalloc"},
                    Mistake{"types", FindingKind::unsupported, "this combination of types"},
                    Mistake{"unwritten", FindingKind::uninitialised_read, "cublasSgemm reads B, not all of"},
                    Mistake{"vector", FindingKind::refused_call, "y: 260 bytes at byte 0 of a cudaMalloc"}),
    [](const auto& instance) { return std::string(instance.param.name); });

struct End {
  const char* name;
  FindingKind kind;
  const char* says;
};

class Ends : public testing::TestWithParam<End> {};

// The launch fails with the code that CUDA has for it, and the finding names what was wrong and where.
TEST_P(Ends, LaunchWithItsCode) {
  static const Program program("ends");
  ASSERT_TRUE(program.compiled()) << program.warnings();
  const Outcome outcome = program.run("0", GetParam().name);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  const std::vector<Finding> findings = outcome.findings();
  ASSERT_FALSE(findings.empty());
  EXPECT_EQ(findings[0].kind, GetParam().kind);
  EXPECT_NE(findings[0].message.find(GetParam().says), std::string::npos) << findings[0].message;
  EXPECT_EQ(std::filesystem::path(findings[0].file).filename(), "ends.cu");
}

INSTANTIATE_TEST_SUITE_P(, Ends,
                         testing::Values(End{"assertion", FindingKind::assertion,
                                             "static_cast<int>(threadIdx.x) < limit"},
                                         End{"trap", FindingKind::trap, "__trap()"},
                                         End{"division", FindingKind::trap, "divides an integer by 0"},
                                         End{"generator", FindingKind::unsupported, "curand_init"}),
                         [](const auto& instance) { return std::string(instance.param.name); });

// A kernel that host code calls instead of launching it: no crash, the program ends with a finding.
TEST(Host, CallsAKernelAsAFunction) {
  const Program program("ends");
  ASSERT_TRUE(program.compiled()) << program.warnings();
  const Outcome outcome = program.run("0", "function");
  EXPECT_EQ(outcome.exit_code, 1) << outcome.output;
  const std::vector<Finding> findings = outcome.findings();
  ASSERT_EQ(findings.size(), 1u) << outcome.output;
  EXPECT_EQ(findings[0].kind, FindingKind::unsupported);
  EXPECT_EQ(std::filesystem::path(findings[0].file).filename(), "ends.cu");
  EXPECT_EQ(findings[0].message, "threadIdx: not on the host; only a kernel has it, and it must be launched");
}

TEST(Print, WritesWhatPrintfWrites) {
  const Program program("ends");
  ASSERT_TRUE(program.compiled()) << program.warnings();
  const Outcome outcome = program.run("0", "print");
  EXPECT_EQ(outcome.output, "thread 0 of print: -7  1.50 x\nthread 1 of print: -7  1.50 x\n");
}

}  // namespace
}  // namespace attnlab::emulator
