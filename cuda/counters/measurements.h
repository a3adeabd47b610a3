// A table of counters: which run of which kernel, and what a GPU's own counters showed (h200.csv, written by
// measure.sh) or the emulator predicts for it (emulated.csv, written by `attnlab witness --measured --csv --yes`, one
// line per run).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cuda/counters/launch_once.h"

namespace attnlab::cuda {

// One CUDA kernel of a run.
struct MeasuredLaunch {
  std::string cuda_kernel;                 // "flash2_kernel<float, 64>"
  std::map<std::string, double> counters;  // by Nsight Compute's name
  std::uint64_t code_bytes = 0;            // of machine code, as nvcc made it; 0: unknown
};

// One run of a rung.
struct Measurement {
  const Kernel* kernel = nullptr;
  Shape shape;
  std::vector<MeasuredLaunch> launches;

  // The sum over the launches; nothing if some launch lacks this counter.
  std::optional<std::uint64_t> sum(std::string_view counter) const;
};

struct Measurements {
  std::map<std::string, std::string> about;  // "gpu", "date", "nvcc", ...: the comment lines
  std::vector<Measurement> runs;

  // What a comment line says, or "unknown".
  std::string fact(const std::string& key) const;
  // The run of this kernel at this shape, or null.
  const Measurement* find(const Kernel& kernel, const Shape& shape) const;
  // Registers per thread of every CUDA kernel measured: which blocks share an SM follows from them.
  std::map<std::string, unsigned> registers() const;
  // Machine code of every CUDA kernel measured: DRAM reads it at a launch.
  std::map<std::string, std::uint64_t> code_bytes() const;
};

// Throws FileError for a file that is no such table.
Measurements read_measurements(const std::filesystem::path& path);

}  // namespace attnlab::cuda
