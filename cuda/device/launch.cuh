// The host side of a kernel file: checked calls, and the choice of a template's instance at run time.
#pragma once

#include <span>
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

// Which entries of a row's lists are compiled: all of them; or one, where there is no time for all instances of a
// kernel: the last, which is the widest, for tests/cuda/nvcc.sh, and for `attnlab emulate --kernel` its launch's.
#ifdef ATTNLAB_CUDA_ONE_INSTANCE
template <class T>
constexpr bool is_compiled(std::span<const T> list, std::size_t at) {
  return at + 1 == list.size();
}
#elif defined ATTNLAB_CUDA_DTYPE
constexpr bool is_compiled(std::span<const DType> list, std::size_t at) {
  return list[at] == static_cast<DType>(ATTNLAB_CUDA_DTYPE);
}
constexpr bool is_compiled(std::span<const int> list, std::size_t at) {
  return list[at] == ATTNLAB_CUDA_HEAD_DIM;
}
#else
template <class T>
constexpr bool is_compiled(std::span<const T>, std::size_t) {
  return true;
}
#endif

// body.operator()<T>() for the one of a row's types that is asked for, and <T, D>() for the head_dim, too: the
// instances that are compiled are those that the row (Needs) names. The host API has refused others before.
template <const Requires& Needs, std::size_t At = 0, class Body>
void for_type(DType type, const Body& body) {
  if constexpr (At == Needs.dtypes.size()) {
    throw InvalidArgument("dtype", std::string(name(type)), "one of the kernel's");
  } else {
    if constexpr (is_compiled(Needs.dtypes, At)) {
      if (type == Needs.dtypes[At]) return body.template operator()<Element<Needs.dtypes[At]>>();
    }
    for_type<Needs, At + 1>(type, body);
  }
}
template <const Requires& Needs, class T, std::size_t At = 0, class Body>
void for_dim(int head_dim, const Body& body) {
  if constexpr (At == Needs.head_dims.size()) {
    throw InvalidArgument("head_dim", std::to_string(head_dim), "one of the kernel's");
  } else {
    if constexpr (is_compiled(Needs.head_dims, At)) {
      if (head_dim == Needs.head_dims[At]) return body.template operator()<T, Needs.head_dims[At]>();
    }
    for_dim<Needs, T, At + 1>(head_dim, body);
  }
}
template <const Requires& Needs, class Body>
void for_type_and_dim(DType type, int head_dim, const Body& body) {
  for_type<Needs>(type, [&]<class T>() { for_dim<Needs, T>(head_dim, body); });
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
