// A cuBLAS handle: settings that are remembered and have no effect, for results are the same.
#pragma once

#include "simulator/simt/cuda_headers/cublas_types.h"
#include "simulator/simt/libraries/call.h"

struct cublasContext {
  attnlab::simt::api::cudaStream_t stream = nullptr;
  attnlab::simt::builtins::cublasMath_t math = attnlab::simt::builtins::CUBLAS_DEFAULT_MATH;
  attnlab::simt::builtins::cublasPointerMode_t pointers = attnlab::simt::builtins::CUBLAS_POINTER_MODE_HOST;
  attnlab::simt::builtins::cublasAtomicsMode_t atomics = attnlab::simt::builtins::CUBLAS_ATOMICS_NOT_ALLOWED;
};

namespace attnlab::simt::libraries {

inline builtins::cublasStatus_t status_of(const Call& call) {
  switch (call.error()) {
    case api::cudaSuccess:
      return builtins::CUBLAS_STATUS_SUCCESS;
    case api::cudaErrorInvalidValue:
      return builtins::CUBLAS_STATUS_INVALID_VALUE;
    case api::cudaErrorNotSupported:
      return builtins::CUBLAS_STATUS_NOT_SUPPORTED;
    default:
      return builtins::CUBLAS_STATUS_EXECUTION_FAILED;
  }
}

}  // namespace attnlab::simt::libraries
