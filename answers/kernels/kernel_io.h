// What a kernel moves by the formula of its algorithm, and as its reference does on the metered machine.
#pragma once

#include <optional>

#include "cuda/host/kernel.h"
#include "reference/attention/problem.h"
#include "simulator/io/traffic.h"

namespace attnlab::answers {

// HBM bytes with the kernel's tiles, which fit its shared memory and registers. The kernel's row names an algorithm.
io::Count closed_form_bytes(const cuda::Kernel& kernel, const attention::Problem& problem, DType dtype,
                            const cuda::Geometry& geometry);
// Nothing where the problem is too large to be run.
std::optional<io::Count> metered_bytes(const cuda::Kernel& kernel, const attention::Problem& problem,
                                       DType dtype, const cuda::Geometry& geometry);

}  // namespace attnlab::answers
