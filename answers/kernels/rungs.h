// The kernels of cuda/ as the oracle calls kernels: on the GPU or the emulator.
#pragma once

#include <string>

#include "cuda/host/backend.h"
#include "oracle/battery.h"

namespace attnlab::answers {

// A rung of the forward or the backward pass. The kernel declines (Unsupported) the other pass, and problems
// that the rungs do not take. Throws InvalidArgument listing the names when there is no such kernel.
oracle::Kernel rung_kernel(cuda::Backend backend, const std::string& name);

// What the rungs take, at sizes that suit the backend, and the arithmetic that they declare: fp32 throughout, or for
// tensor cores the usual one of a type.
oracle::Schema rung_schema(cuda::Backend backend, const std::string& name);
oracle::KernelClass rung_class();
oracle::KernelClass rung_class(const cuda::Kernel& kernel, DType dtype);

// "emulator", "gpu", or nothing: the GPU if there is one. Throws InvalidArgument.
cuda::Backend backend_of(const std::string& field, const std::string& text);

}  // namespace attnlab::answers
