// Is each ATTNLAB_EMULATOR_ variable read, and one that makes no sense refused by its name, value and
// expectation, before anything runs?
#include "simulator/emulator/machine/environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "reference/core/errors.h"
#include "simulator/emulator/cuda_headers/cuda_runtime_api.h"
#include "simulator/emulator/machine/gpu.h"

namespace {

using namespace attnlab::emulator;
using testing::HasSubstr;

class EnvironmentTest : public testing::Test {
 protected:
  ~EnvironmentTest() override {
    for (const std::string& name : set_) unsetenv(name.c_str());
    std::filesystem::remove(file());
  }
  void set(const std::string& name, const std::string& value) {
    set_.push_back("ATTNLAB_EMULATOR_" + name);
    setenv(set_.back().c_str(), value.c_str(), 1);
  }
  std::string refusal(const std::string& name, const std::string& value) {
    set(name, value);
    std::string said = "none";
    try {
      read_environment();
    } catch (const attnlab::InvalidArgument& error) {
      said = error.what();
    }
    unsetenv(("ATTNLAB_EMULATOR_" + name).c_str());
    return said;
  }
  std::string file() const {
    return std::filesystem::temp_directory_path() / ("attnlab_environment_" + std::to_string(getpid()));
  }

 private:
  std::vector<std::string> set_;
};

TEST_F(EnvironmentTest, SaysWhatWasAsked) {
  const std::string report = file();
  set("COUNT", "0");
  set("FINAL", "1");
  set("QUIET", "1");
  set("THREADS", "3");
  set("TIMEOUT", "60");
  set("SEED", "18446744073709551615");
  set("GPU", "a100-80gb");
  set("REPORT", report);
  set("REGISTERS", "40");
  const Environment said = read_environment();
  EXPECT_FALSE(said.counting);
  EXPECT_TRUE(said.quiet && said.final);
  EXPECT_EQ(said.threads, 3u);
  EXPECT_EQ(said.timeout, 60u);
  EXPECT_EQ(said.seed, UINT64_MAX);
  EXPECT_EQ(said.gpu, "a100-80gb");
  EXPECT_EQ(said.report, report);
  EXPECT_EQ(said.registers.at(""), 40u);
  EXPECT_FALSE(std::filesystem::exists(report)) << "looking whether it can be written leaves no trace";
}

TEST_F(EnvironmentTest, EmptyIsUnset) {
  for (const char* name : {"COUNT", "QUIET", "THREADS", "TIMEOUT", "SEED", "GPU", "REPORT", "REGISTERS"})
    set(name, "");
  const Environment said = read_environment();
  EXPECT_TRUE(said.counting);
  EXPECT_EQ(said.gpu, "h200");
  EXPECT_TRUE(said.report.empty() && said.registers.empty());
}

TEST_F(EnvironmentTest, RegistersFromAFile) {
  std::ofstream(file()) << "# kernel,registers\nsoftmax<float, 64>,32\n\nscores,255\n";
  set("REGISTERS", file());
  const Environment said = read_environment();
  EXPECT_EQ(said.registers.at("softmax<float, 64>"), 32u);
  EXPECT_EQ(said.registers.at("scores"), 255u);
}

TEST_F(EnvironmentTest, RefusesByNameValueAndExpectation) {
  EXPECT_EQ(refusal("TIMEOUT", "2678401"),
            "ATTNLAB_EMULATOR_TIMEOUT: got 2678401, expected a whole number, at most 2678400");
  EXPECT_EQ(refusal("THREADS", "two"),
            "ATTNLAB_EMULATOR_THREADS: got two, expected a whole number, at most 1024");
  EXPECT_EQ(refusal("THREADS", "1025"),
            "ATTNLAB_EMULATOR_THREADS: got 1025, expected a whole number, at most 1024");
  EXPECT_EQ(refusal("THREADS", "-1"),
            "ATTNLAB_EMULATOR_THREADS: got -1, expected a whole number, at most 1024");
  EXPECT_EQ(refusal("SEED", "18446744073709551616"),
            "ATTNLAB_EMULATOR_SEED: got 18446744073709551616, expected a whole number, at most "
            "18446744073709551615");
  EXPECT_EQ(refusal("SEED", "7 "),
            "ATTNLAB_EMULATOR_SEED: got 7 , expected a whole number, at most 18446744073709551615");
  EXPECT_EQ(refusal("COUNT", "yes"), "ATTNLAB_EMULATOR_COUNT: got yes, expected 0 or 1");
  EXPECT_EQ(refusal("QUIET", "2"), "ATTNLAB_EMULATOR_QUIET: got 2, expected 0 or 1");
  EXPECT_EQ(refusal("REGISTERS", "256"),
            "ATTNLAB_EMULATOR_REGISTERS: got 256, expected a whole number, at most 255");
  EXPECT_EQ(refusal("REGISTERS", "/no/file"),
            "ATTNLAB_EMULATOR_REGISTERS: got /no/file, expected a number, or a readable file of lines "
            "name,registers");
  EXPECT_THAT(refusal("REGISTERS", "/tmp"), HasSubstr("got /tmp, expected a number"));
  std::ofstream(file()) << "scores,many\n";
  EXPECT_EQ(refusal("REGISTERS", file()),
            "ATTNLAB_EMULATOR_REGISTERS: " + file() + ": got many, expected a whole number, at most 255");
  EXPECT_THAT(refusal("REPORT", "/no/such/folder/r.json"),
              HasSubstr("got /no/such/folder/r.json, expected a file that can be written"));
  EXPECT_THAT(refusal("REPORT", "/tmp"), HasSubstr("is a directory, not a file"));
  EXPECT_THAT(
      refusal("THREAD", "1"),
      HasSubstr(
          "ATTNLAB_EMULATOR_THREAD: got a variable that nothing reads, expected ATTNLAB_EMULATOR_ and one"));
}

// As in a program that runs by hand: the first to ask is a CUDA call.
TEST_F(EnvironmentTest, ACudaCallEndsWithOneLineAndCode2) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto allocate = [] {
    void* pointer = nullptr;
    attnlab::emulator::api::cudaMalloc(&pointer, 16);
  };
  set("GPU", "h300");
  EXPECT_EXIT(allocate(), testing::ExitedWithCode(2),
              "attnlab: ATTNLAB_EMULATOR_GPU: device: got 'h300', expected one of [^\n]*h200[^\n]*\n$");
  set("GPU", "h200");
  set("SEED", "x");
  EXPECT_EXIT(allocate(), testing::ExitedWithCode(2),
              "attnlab: ATTNLAB_EMULATOR_SEED: got x, expected [^\n]*\n$");
}

}  // namespace
