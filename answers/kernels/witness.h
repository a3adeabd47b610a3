// Four witnesses of what a kernel moves: the closed form, the reference on the metered machine, the kernel on
// the emulator, and the counters of a GPU.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "answers/json.h"
#include "answers/work.h"
#include "cuda/counters/bars.h"
#include "simulator/emulator/report/report.h"
#include "simulator/io/traffic.h"

namespace attnlab::answers {

struct Witness {
  const cuda::Kernel* kernel = nullptr;
  cuda::Shape shape;
  // HBM bytes by formula and by metered run, with the kernel's own tiles. Nothing for softmax.
  std::string algorithm;
  std::optional<io::Count> closed, metered;
  emulator::Counters emulated{};                // the sum over the CUDA kernels of a run
  const cuda::Measurement* measured = nullptr;  // null: this run was not measured

  std::uint64_t operator[](emulator::Metric metric) const {
    return emulated[static_cast<std::size_t>(metric)];
  }
  // HBM bytes that the kernel's requests ask for, each byte of a request once.
  std::uint64_t useful_bytes() const;
  // What a GPU's counter of the same name showed.
  std::optional<std::uint64_t> on_gpu(emulator::Metric metric) const;
};

struct WitnessQuestion {
  std::vector<std::string> kernels;  // by name; none: all
  Index seqlen = 512, dim = 64, heads = 2;
  std::string dtype = "fp32";
  bool causal = false;
  // Instead of the sizes above: every run that was measured, up to this many products of two numbers.
  bool measured = false;
  double products = 6e8;
};
// What their emulation takes. Throws InvalidArgument naming the field.
Work work_of(const WitnessQuestion& question, const cuda::Measurements& measurements);

// The emulator's counts of every run that is asked for. Throws InvalidArgument naming the field.
std::vector<cuda::Measurement> predictions(const WitnessQuestion& question,
                                           const cuda::Measurements& measurements);

// What the emulator counts, a launch a CUDA kernel. It is told what only nvcc knows: registers, which limit
// the blocks that share an SM, and bytes of code, which DRAM reads. report: takes the emulator's own, if not
// null.
cuda::Measurement emulate(const cuda::Kernel& kernel, const cuda::Shape& shape,
                          const cuda::Measurements& measurements, emulator::Report* report = nullptr);

// All four. prediction: the emulator's counts. measurements must outlive the result.
Witness witness(const cuda::Measurement& prediction, const cuda::Measurements& measurements);

Json to_json(const std::vector<Witness>& witnesses);

// The tables that ship with the program: an H200's counters, the emulator's predictions of them, and the runs
// that are known to miss a bar.
cuda::Measurements shipped_measurements();
cuda::Measurements shipped_predictions();
std::vector<cuda::Exception> shipped_exceptions();

}  // namespace attnlab::answers
