// Golden values by a device: what oracle/golden.h computes on the CPU, in float64 too.
#pragma once

#include <string>

#include "cuda/host/backend.h"
#include "oracle/golden.h"

namespace attnlab::cuda {

// The largest head_dim and head_dim_v that the golden kernels take.
inline constexpr Index kMaxGoldenDim = 512;

// Every row of O, lse and max, and of dQ, dK and dV where there is a dO: as oracle::golden, from which it
// differs by the order of sums alone. Everything lies on the device at once, 8 bytes per element. Throws
// InvalidArgument for what does not fit, before anything is allocated, and CudaError where a call of the
// device fails.
oracle::Golden golden(Backend backend, const attention::Problem& problem, const oracle::Inputs& inputs);

// Who computes golden values, for oracle::CheckOptions::golden: "cpu", "gpu", "emulator", or "auto": a GPU,
// where there is one and the problem is large enough to gain from it and fits, else the CPU. Throws
// InvalidArgument(argument, ...) for other names and for a backend that cannot be used; so does the source,
// where a backend was asked for by name and does not take the problem.
oracle::GoldenSource golden_source(const std::string& name, const std::string& argument = "golden");

}  // namespace attnlab::cuda
