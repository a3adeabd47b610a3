// The CUDA driver API: its types, and functions that answer CUDA_ERROR_NOT_SUPPORTED. Kernels are launched
// through the runtime API here.
#pragma once

#include <cstddef>

#include "not_supported.h"

#define CUDA_VERSION 13000

struct CUctx_st;
struct CUmod_st;

namespace attnlab::emulator::builtins {

using CUdevice = int;
using CUdeviceptr = unsigned long long;
using CUcontext = ::CUctx_st*;
using CUmodule = ::CUmod_st*;
using CUfunction = ::CUfunc_st*;
using CUstream = ::CUstream_st*;
using CUevent = ::CUevent_st*;

enum CUresult {
  CUDA_SUCCESS = 0,
  CUDA_ERROR_INVALID_VALUE = 1,
  CUDA_ERROR_OUT_OF_MEMORY = 2,
  CUDA_ERROR_NOT_INITIALIZED = 3,
  CUDA_ERROR_DEINITIALIZED = 4,
  CUDA_ERROR_NO_DEVICE = 100,
  CUDA_ERROR_INVALID_DEVICE = 101,
  CUDA_ERROR_INVALID_IMAGE = 200,
  CUDA_ERROR_INVALID_CONTEXT = 201,
  CUDA_ERROR_NOT_FOUND = 500,
  CUDA_ERROR_LAUNCH_FAILED = 719,
  CUDA_ERROR_NOT_SUPPORTED = 801,
  CUDA_ERROR_UNKNOWN = 999,
};
enum CUdevice_attribute {
  CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK = 1,
  CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK = 8,
  CU_DEVICE_ATTRIBUTE_WARP_SIZE = 10,
  CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT = 16,
  CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR = 75,
  CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR = 76,
  CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN = 97,
};
enum CUfunction_attribute {
  CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK = 0,
  CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES = 1,
  CU_FUNC_ATTRIBUTE_NUM_REGS = 4,
  CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES = 8,
};

// Tensor maps (TMA): a place in memory of the right size, which nothing fills.
struct alignas(64) CUtensorMap {
  unsigned long long opaque[16];
};
enum CUtensorMapDataType {
  CU_TENSOR_MAP_DATA_TYPE_UINT8 = 0,
  CU_TENSOR_MAP_DATA_TYPE_FLOAT16 = 6,
  CU_TENSOR_MAP_DATA_TYPE_FLOAT32 = 7,
  CU_TENSOR_MAP_DATA_TYPE_BFLOAT16 = 9,
};
enum CUtensorMapInterleave { CU_TENSOR_MAP_INTERLEAVE_NONE = 0 };
enum CUtensorMapSwizzle {
  CU_TENSOR_MAP_SWIZZLE_NONE = 0,
  CU_TENSOR_MAP_SWIZZLE_32B = 1,
  CU_TENSOR_MAP_SWIZZLE_64B = 2,
  CU_TENSOR_MAP_SWIZZLE_128B = 3,
};
enum CUtensorMapL2promotion {
  CU_TENSOR_MAP_L2_PROMOTION_NONE = 0,
  CU_TENSOR_MAP_L2_PROMOTION_L2_64B = 1,
  CU_TENSOR_MAP_L2_PROMOTION_L2_128B = 2,
  CU_TENSOR_MAP_L2_PROMOTION_L2_256B = 3,
};
enum CUtensorMapFloatOOBfill { CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE = 0 };

inline CUresult cuGetErrorName(CUresult, const char** name) {
  *name = "CUDA_ERROR_NOT_SUPPORTED";
  return CUDA_SUCCESS;
}
inline CUresult cuGetErrorString(CUresult, const char** text) {
  *text = "the driver API is not supported by the emulator";
  return CUDA_SUCCESS;
}

#define ATTNLAB_DRIVER(name) ATTNLAB_NOT_SUPPORTED(name, CUresult, CUDA_ERROR_NOT_SUPPORTED)
ATTNLAB_DRIVER(cuInit)
ATTNLAB_DRIVER(cuDriverGetVersion)
ATTNLAB_DRIVER(cuDeviceGet)
ATTNLAB_DRIVER(cuDeviceGetCount)
ATTNLAB_DRIVER(cuDeviceGetName)
ATTNLAB_DRIVER(cuDeviceGetAttribute)
ATTNLAB_DRIVER(cuDeviceTotalMem)
ATTNLAB_DRIVER(cuDevicePrimaryCtxRetain)
ATTNLAB_DRIVER(cuDevicePrimaryCtxRelease)
ATTNLAB_DRIVER(cuCtxCreate)
ATTNLAB_DRIVER(cuCtxDestroy)
ATTNLAB_DRIVER(cuCtxSetCurrent)
ATTNLAB_DRIVER(cuCtxGetCurrent)
ATTNLAB_DRIVER(cuCtxSynchronize)
ATTNLAB_DRIVER(cuModuleLoad)
ATTNLAB_DRIVER(cuModuleLoadData)
ATTNLAB_DRIVER(cuModuleLoadDataEx)
ATTNLAB_DRIVER(cuModuleUnload)
ATTNLAB_DRIVER(cuModuleGetFunction)
ATTNLAB_DRIVER(cuModuleGetGlobal)
ATTNLAB_DRIVER(cuMemAlloc)
ATTNLAB_DRIVER(cuMemFree)
ATTNLAB_DRIVER(cuMemcpyHtoD)
ATTNLAB_DRIVER(cuMemcpyDtoH)
ATTNLAB_DRIVER(cuMemcpyDtoD)
ATTNLAB_DRIVER(cuMemsetD8)
ATTNLAB_DRIVER(cuMemsetD32)
ATTNLAB_DRIVER(cuStreamCreate)
ATTNLAB_DRIVER(cuStreamDestroy)
ATTNLAB_DRIVER(cuStreamSynchronize)
ATTNLAB_DRIVER(cuEventCreate)
ATTNLAB_DRIVER(cuEventDestroy)
ATTNLAB_DRIVER(cuEventRecord)
ATTNLAB_DRIVER(cuEventSynchronize)
ATTNLAB_DRIVER(cuEventElapsedTime)
ATTNLAB_DRIVER(cuFuncSetAttribute)
ATTNLAB_DRIVER(cuFuncGetAttribute)
ATTNLAB_DRIVER(cuLaunchKernel)
ATTNLAB_DRIVER(cuLaunchKernelEx)
ATTNLAB_DRIVER(cuLaunchCooperativeKernel)
ATTNLAB_DRIVER(cuOccupancyMaxActiveBlocksPerMultiprocessor)
ATTNLAB_DRIVER(cuTensorMapEncodeTiled)
ATTNLAB_DRIVER(cuGetProcAddress)
#undef ATTNLAB_DRIVER

}  // namespace attnlab::emulator::builtins
