// A cuBLAS handle: settings that are remembered and have no effect, for results are the same.
#pragma once

#include "simulator/emulator/cuda_headers/cublas_types.h"
#include "simulator/emulator/libraries/call.h"

struct cublasContext {
  attnlab::emulator::api::cudaStream_t stream = nullptr;
  attnlab::emulator::builtins::cublasMath_t math = attnlab::emulator::builtins::CUBLAS_DEFAULT_MATH;
  attnlab::emulator::builtins::cublasPointerMode_t pointers =
      attnlab::emulator::builtins::CUBLAS_POINTER_MODE_HOST;
  attnlab::emulator::builtins::cublasAtomicsMode_t atomics =
      attnlab::emulator::builtins::CUBLAS_ATOMICS_NOT_ALLOWED;
};

namespace attnlab::emulator::libraries {

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

}  // namespace attnlab::emulator::libraries
