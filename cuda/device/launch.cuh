// The host side of a kernel file: checked calls, and the choice of a template's instance at run time.
#pragma once

#include <string>

#include "cuda/device/elements.cuh"
#include "cuda/host/errors.h"
#include "cuda/host/params.h"
#include "reference/core/errors.h"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

inline void check(cudaError_t code, const char* call, const char* file, int line) {
  if (code != cudaSuccess) throw CudaError(call, static_cast<int>(code), cudaGetErrorName(code), file, line);
}
#define ATTNLAB_CUDA_CHECK(call) ::attnlab::cuda::ATTNLAB_CUDA_BACKEND::check(call, #call, __FILE__, __LINE__)

// After a launch: whether the device took it.
#define ATTNLAB_CUDA_LAUNCHED(kernel) \
  ::attnlab::cuda::ATTNLAB_CUDA_BACKEND::check(cudaGetLastError(), "launch of " kernel, __FILE__, __LINE__)

// Launch<T>::run(params, stream) for the element type of params.
template <template <class> class Launch, class Params>
void for_type(ElementType type, const Params& params, cudaStream_t stream) {
  switch (type) {
    case ElementType::f32:
      return Launch<float>::run(params, stream);
    case ElementType::f16:
      return Launch<__half>::run(params, stream);
    case ElementType::bf16:
      return Launch<__nv_bfloat16>::run(params, stream);
  }
}

// Launch<T, D>::run(params, stream) for the element type and the head_dim given.
template <template <class, int> class Launch, class T, class Params>
void for_dim(int head_dim, const Params& params, cudaStream_t stream) {
  switch (head_dim) {
    case 32:
      return Launch<T, 32>::run(params, stream);
    case 64:
      return Launch<T, 64>::run(params, stream);
    case 80:
      return Launch<T, 80>::run(params, stream);
    case 96:
      return Launch<T, 96>::run(params, stream);
    case 128:
      return Launch<T, 128>::run(params, stream);
    case 256:
      return Launch<T, 256>::run(params, stream);
  }
  throw InvalidArgument("head_dim", std::to_string(head_dim), "32, 64, 80, 96, 128 or 256");
}
template <template <class, int> class Launch, class Params>
void for_type_and_dim(ElementType type, int head_dim, const Params& params, cudaStream_t stream) {
  switch (type) {
    case ElementType::f32:
      return for_dim<Launch, float>(head_dim, params, stream);
    case ElementType::f16:
      return for_dim<Launch, __half>(head_dim, params, stream);
    case ElementType::bf16:
      return for_dim<Launch, __nv_bfloat16>(head_dim, params, stream);
  }
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
