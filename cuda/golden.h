// Golden values by a device: what reference/oracle/golden.h computes on the CPU, in float64 too.
#pragma once

#include "cuda/backend.h"
#include "reference/oracle/golden.h"

namespace attnlab::cuda {

// The largest head_dim and head_dim_v that the golden kernels take.
inline constexpr Index kMaxGoldenDim = 512;

// Every row of O and lse, and of dQ, dK and dV where inputs.dout is there: as oracle::golden, from which it
// differs by the order of sums alone. Everything lies on the device at once, 8 bytes an element. Throws
// InvalidArgument for what does not fit, before anything is allocated, and CudaError where a call of the
// device fails.
oracle::Golden golden(Backend backend, const attention::Problem& problem, const oracle::Inputs& inputs);

}  // namespace attnlab::cuda
