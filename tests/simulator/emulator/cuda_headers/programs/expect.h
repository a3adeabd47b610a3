// Expectations inside kernels and on the host, for programs that say by their exit code whether they hold.
// The programs are plain CUDA: nvcc compiles them too, and they hold on a GPU.
#pragma once

#include <cuda_runtime.h>

#include <cstdio>

static __device__ __managed__ unsigned failures = 0;

#define EXPECT(condition)                                                                               \
  do {                                                                                                  \
    if (!(condition)) {                                                                                 \
      if (atomicAdd(&failures, 1u) < 10)                                                                \
        printf("%s:%d: block %u thread %u: expected %s\n", __FILE__, __LINE__, blockIdx.x, threadIdx.x, \
               #condition);                                                                             \
    }                                                                                                   \
  } while (false)

#define EXPECT_ON_HOST(condition)                                                               \
  do {                                                                                          \
    if (!(condition)) {                                                                         \
      if (failures++ < 10) std::printf("%s:%d: expected %s\n", __FILE__, __LINE__, #condition); \
    }                                                                                           \
  } while (false)

inline int finish() {
  const cudaError_t error = cudaDeviceSynchronize();
  if (error != cudaSuccess) {
    std::printf("%s\n", cudaGetErrorString(error));
    return 2;
  }
  if (failures != 0) std::printf("%u failures\n", failures);
  return failures == 0 ? 0 : 1;
}
