// Which counters of a prediction are compared with a GPU's, how near they must come, and which runs are known
// not to: what the tests demand and docs/results/counters.md prints.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cuda/counters/measurements.h"

namespace attnlab::cuda {

struct Bar {
  const char* title;    // "L2 to SM sectors"
  const char* counter;  // Nsight Compute's name
  double relative;      // of the GPU's count
  double bytes;         // or this much, whatever the share
};

std::span<const Bar> bars();

// One counter of one run: a sum over its CUDA kernels.
struct Comparison {
  std::uint64_t predicted, measured;
  std::uint64_t dirty;  // bytes that the prediction leaves dirty in the L2

  // "=", "+1.23 %", or "not 0" where the GPU counted nothing.
  std::string deviation() const;
};

// Nothing if one of them lacks the counter, or it does not occur.
std::optional<Comparison> compare(const Bar& bar, const Measurement& predicted, const Measurement& measured);

// What DRAM wrote may be more than predicted, up to what is left dirty in the L2: when the GPU cleans it is
// not known.
bool meets(const Bar& bar, const Comparison& comparison);

// "N 1024, d 64, causal, fp16"; softmax: "4096 x 128 fp32"
std::string problem_text(const Kernel& kernel, const Shape& shape);

// A run that misses a bar, as measured, and why.
struct Exception {
  std::string kernel, problem, counter, deviation, cause;
};
// In a file's order: exceptions.csv. Throws FileError.
std::vector<Exception> read_exceptions(const std::filesystem::path& path);

}  // namespace attnlab::cuda
