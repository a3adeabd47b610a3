// Does every copy of a vector, every operation of a warp and every special function count as what the GPU
// issues?
#include <gtest/gtest.h>

#include <map>

#include "tests/simulator/emulator/cuda_headers/run_program.h"

namespace attnlab::emulator {
namespace {

// The counters of a program's kernels, by name.
std::map<std::string, Counters> counters_of(const std::string& name) {
  std::map<std::string, Counters> kernels;
  const Program program(name);
  EXPECT_TRUE(program.compiled()) << program.warnings();
  const Outcome outcome = program.run();
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_TRUE(outcome.findings().empty()) << outcome.output;
  for (const KernelReport& kernel : outcome.report.kernels) kernels[kernel.name] = kernel.counters;
  return kernels;
}

class Counts : public testing::Test {
 protected:
  static void SetUpTestSuite() { kernels_ = counters_of("counted"); }
  static std::uint64_t count(const std::string& kernel, Metric metric) {
    return kernels_.at(kernel)[static_cast<std::size_t>(metric)];
  }
  static std::map<std::string, Counters> kernels_;
};
std::map<std::string, Counters> Counts::kernels_;

// A warp copies 32 elements: requests and sectors of 32 bytes, each way.
TEST_F(Counts, CopiesOfVectorsAreWhole) {
  struct Copy {
    const char* kernel;
    std::uint64_t requests, sectors;
  };
  for (const auto& [kernel, requests, sectors] : {Copy{"copy_float4", 1, 16},
                                                  {"copy_float2", 1, 8},
                                                  {"copy_float3", 3, 36},
                                                  {"copy_uchar4", 1, 4},
                                                  {"copy_double2", 1, 16},
                                                  {"copy_half", 1, 2},
                                                  {"copy_half2", 1, 4},
                                                  {"copy_vector", 1, 16},
                                                  {"copy_max_and_sum", 1, 8},
                                                  {"halves_of_uint4", 1, 16}}) {
    SCOPED_TRACE(kernel);
    EXPECT_EQ(count(kernel, Metric::global_load_requests), requests);
    EXPECT_EQ(count(kernel, Metric::global_load_sectors), sectors);
    EXPECT_EQ(count(kernel, Metric::global_store_requests), requests);
    EXPECT_EQ(count(kernel, Metric::global_store_sectors), sectors);
    EXPECT_EQ(count(kernel, Metric::local_load_requests), 0u);
    EXPECT_EQ(count(kernel, Metric::local_store_requests), 0u);
  }
  EXPECT_EQ(count("make_whole", Metric::global_store_requests), 2u);
  EXPECT_EQ(count("make_whole", Metric::global_store_sectors), 32u);
}

// A vector goes to memory at once, whatever the compiler knows of its numbers, and a choice is stored once.
TEST(Constants, AreStoredWhole) {
  const auto kernels = counters_of("constants");
  const auto count = [&](const std::string& kernel, Metric metric) {
    return kernels.at(kernel)[static_cast<std::size_t>(metric)];
  };
  struct Store {
    const char* kernel;
    std::uint64_t requests, sectors;
  };
  for (const auto& [kernel, requests, sectors] : {Store{"braces<float4>", 1, 16},
                                                  {"braces<double4>", 2, 64},
                                                  {"braces<short4>", 1, 8},
                                                  {"braces<char2>", 1, 2},
                                                  {"made_float4", 1, 16},
                                                  {"made_uint4", 1, 16},
                                                  {"made_float2", 1, 8},
                                                  {"made_double2", 1, 16},
                                                  {"empty_braces", 1, 16},
                                                  {"parentheses", 1, 16},
                                                  {"variable", 1, 16},
                                                  {"by_function", 1, 16},
                                                  {"chosen", 1, 16},
                                                  {"chosen_variable", 1, 16},
                                                  {"chosen_member", 1, 16},
                                                  {"in_shared_memory", 1, 16}}) {
    SCOPED_TRACE(kernel);
    EXPECT_EQ(count(kernel, Metric::global_store_requests), requests);
    EXPECT_EQ(count(kernel, Metric::global_store_sectors), sectors);
  }
  EXPECT_EQ(count("in_shared_memory", Metric::shared_store_requests), 1u);
  EXPECT_EQ(count("in_shared_memory", Metric::shared_store_wavefronts), 4u);
  EXPECT_EQ(count("in_shared_memory", Metric::shared_store_conflicts), 0u);
}

TEST_F(Counts, HalvesHaveNoControlFlow) { EXPECT_EQ(count("no_branches", Metric::branches), 1u); }

// expf and std::exp of one number are one call.
TEST_F(Counts, SpecialFunctions) { EXPECT_EQ(count("special_functions", Metric::thread_special), 8u * 32); }

TEST_F(Counts, WarpOperations) {
  EXPECT_EQ(count("shuffles", Metric::shuffles), 3u);  // 64 bits take two
  EXPECT_EQ(count("reduces", Metric::shuffles), 5u);   // of floats
  EXPECT_EQ(count("reduces", Metric::reduces), 1u);    // of integers
  EXPECT_EQ(count("tensor", Metric::tensor_flops), 2u * 16 * 16 * 16);
  EXPECT_EQ(count("tensor", Metric::global_load_bytes), 2u * 16 * 16 * 2);
  EXPECT_EQ(count("tensor", Metric::global_store_bytes), 16u * 16 * 4);
}

TEST_F(Counts, AtomicsWithoutAResultAreReductions) {
  EXPECT_EQ(count("atomics", Metric::global_reduction_requests), 1u);
  EXPECT_EQ(count("atomics", Metric::global_atomic_requests), 1u);
}

}  // namespace
}  // namespace attnlab::emulator
