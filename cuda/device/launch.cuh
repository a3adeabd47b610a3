// The host side of a kernel file: checked calls, and the choice of a template's instance at run time.
#pragma once

#include <string>

#include "cuda/device/elements.cuh"
#include "cuda/host/errors.h"
#include "cuda/host/kernel.h"
#include "reference/core/errors.h"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

inline void check(cudaError_t code, const char* call, const char* file, int line) {
  if (code != cudaSuccess) throw CudaError(call, static_cast<int>(code), cudaGetErrorName(code), file, line);
}
#define ATTNLAB_CUDA_CHECK(call) ::attnlab::cuda::ATTNLAB_CUDA_BACKEND::check(call, #call, __FILE__, __LINE__)

// After a launch: whether the device took it.
#define ATTNLAB_CUDA_LAUNCHED(kernel) \
  ::attnlab::cuda::ATTNLAB_CUDA_BACKEND::check(cudaGetLastError(), "launch of " kernel, __FILE__, __LINE__)

// Where the compiled part of a row's list begins: for tests/cuda/nvcc.sh, which has no time for all instances
// of all kernels, it is the last one alone, the widest.
constexpr std::size_t first_instance([[maybe_unused]] std::size_t count) {
#ifdef ATTNLAB_CUDA_ONE_INSTANCE
  return count - 1;
#else
  return 0;
#endif
}

// body.operator()<T>() for the one of a row's types that is asked for, and <T, D>() for the head_dim, too: the
// instances that are compiled are those that the row (Needs) names. The host API has refused others before.
template <const Requires& Needs, std::size_t At = first_instance(Needs.dtypes.size()), class Body>
void for_type(DType type, const Body& body) {
  if constexpr (At == Needs.dtypes.size()) {
    throw InvalidArgument("dtype", std::string(name(type)), "one of the kernel's");
  } else {
    if (type != Needs.dtypes[At]) return for_type<Needs, At + 1>(type, body);
    body.template operator()<Element<Needs.dtypes[At]>>();
  }
}
template <const Requires& Needs, class T, std::size_t At = first_instance(Needs.head_dims.size()), class Body>
void for_dim(int head_dim, const Body& body) {
  if constexpr (At == Needs.head_dims.size()) {
    throw InvalidArgument("head_dim", std::to_string(head_dim), "one of the kernel's");
  } else {
    if (head_dim != Needs.head_dims[At]) return for_dim<Needs, T, At + 1>(head_dim, body);
    body.template operator()<T, Needs.head_dims[At]>();
  }
}
template <const Requires& Needs, class Body>
void for_type_and_dim(DType type, int head_dim, const Body& body) {
  for_type<Needs>(type, [&]<class T>() { for_dim<Needs, T>(head_dim, body); });
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
