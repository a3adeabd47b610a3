// Four witnesses of what a kernel moves: the closed form, the reference on the metered machine, the kernel on
// the emulator, and the counters of a GPU.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/json_output.h"
#include "cuda/counters/measurements.h"
#include "simulator/io/traffic.h"
#include "simulator/simt/report/report.h"

namespace attnlab::cli {

struct Witness {
  const cuda::Kernel* kernel = nullptr;
  cuda::Shape shape;
  // HBM bytes by formula and by metered run, with the kernel's own tiles. Nothing for softmax.
  std::string algorithm;
  std::optional<io::Count> closed, metered;
  simt::Report report;                          // the emulator's
  simt::Counters emulated{};                    // the sum over the report's kernels
  const cuda::Measurement* measured = nullptr;  // null: this run was not measured

  std::uint64_t operator[](simt::Metric metric) const { return emulated[static_cast<std::size_t>(metric)]; }
  // What a GPU's counter of the same name showed.
  std::optional<std::uint64_t> on_gpu(simt::Metric metric) const;
};

// Runs the kernel on the emulator. measurements must outlive the result.
Witness witness(const cuda::Kernel& kernel, const cuda::Shape& shape, const cuda::Measurements& measurements);

// A table for a terminal, with a line that tells what the GPU's numbers are.
std::string to_text(const std::vector<Witness>& witnesses, const cuda::Measurements& measurements);
// docs/results/counters.md.
std::string to_markdown(const std::vector<Witness>& witnesses, const cuda::Measurements& measurements);
Json to_json(const std::vector<Witness>& witnesses);

// The table that ships with the program: an H200's.
cuda::Measurements shipped_measurements();

}  // namespace attnlab::cli
