// cuBLAS's handles and settings.
#include "simulator/emulator/cuda_headers/cublas_v2.h"
#include "simulator/emulator/libraries/cublas_handle.h"

namespace attnlab::emulator::builtins {

cublasStatus_t cublasCreate(cublasHandle_t* handle) {
  if (handle == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  if (api::cudaFree(nullptr) != api::cudaSuccess) return CUBLAS_STATUS_NOT_INITIALIZED;  // no device
  *handle = new cublasContext;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy(cublasHandle_t handle) {
  if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetVersion(cublasHandle_t, int* version) {
  if (version == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
  *version = CUBLAS_VERSION;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace(cublasHandle_t handle, void*, std::size_t) {
  return handle == nullptr ? CUBLAS_STATUS_NOT_INITIALIZED : CUBLAS_STATUS_SUCCESS;
}

#define ATTNLAB_SETTING(Name, Type, member)                            \
  cublasStatus_t cublasSet##Name(cublasHandle_t handle, Type value) {  \
    if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;       \
    handle->member = value;                                            \
    return CUBLAS_STATUS_SUCCESS;                                      \
  }                                                                    \
  cublasStatus_t cublasGet##Name(cublasHandle_t handle, Type* value) { \
    if (handle == nullptr) return CUBLAS_STATUS_NOT_INITIALIZED;       \
    if (value == nullptr) return CUBLAS_STATUS_INVALID_VALUE;          \
    *value = handle->member;                                           \
    return CUBLAS_STATUS_SUCCESS;                                      \
  }
ATTNLAB_SETTING(Stream, api::cudaStream_t, stream)
ATTNLAB_SETTING(MathMode, cublasMath_t, math)
ATTNLAB_SETTING(PointerMode, cublasPointerMode_t, pointers)
ATTNLAB_SETTING(AtomicsMode, cublasAtomicsMode_t, atomics)
#undef ATTNLAB_SETTING

const char* cublasGetStatusName(cublasStatus_t status) {
  switch (status) {
#define ATTNLAB_NAME(name) \
  case name:               \
    return #name;
    ATTNLAB_NAME(CUBLAS_STATUS_SUCCESS)
    ATTNLAB_NAME(CUBLAS_STATUS_NOT_INITIALIZED)
    ATTNLAB_NAME(CUBLAS_STATUS_ALLOC_FAILED)
    ATTNLAB_NAME(CUBLAS_STATUS_INVALID_VALUE)
    ATTNLAB_NAME(CUBLAS_STATUS_ARCH_MISMATCH)
    ATTNLAB_NAME(CUBLAS_STATUS_MAPPING_ERROR)
    ATTNLAB_NAME(CUBLAS_STATUS_EXECUTION_FAILED)
    ATTNLAB_NAME(CUBLAS_STATUS_INTERNAL_ERROR)
    ATTNLAB_NAME(CUBLAS_STATUS_NOT_SUPPORTED)
    ATTNLAB_NAME(CUBLAS_STATUS_LICENSE_ERROR)
#undef ATTNLAB_NAME
  }
  return "unknown";
}

const char* cublasGetStatusString(cublasStatus_t status) { return cublasGetStatusName(status); }

}  // namespace attnlab::emulator::builtins
