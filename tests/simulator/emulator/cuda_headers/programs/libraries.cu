// Do the headers of libraries that the emulator has not, and the old names of headers, build and answer "not
// supported"?
#include <builtin_types.h>
#include <cuComplex.h>
#include <cublasLt.h>
#include <cublas_v2.h>
#include <cuda.h>
#include <cuda_profiler_api.h>
#include <cudnn.h>
#include <curand.h>
#include <curand_kernel.h>
#include <device_launch_parameters.h>
#include <math_constants.h>
#include <nvrtc.h>
#include <nvtx3/nvToolsExt.h>
#include <vector_types.h>

#include <cuda/std/cmath>
#include <cuda/std/limits>
#include <cuda/std/type_traits>

#include "expect.h"

__global__ void complex(cuFloatComplex* z) {
  z[threadIdx.x] = cuCdivf(cuCmulf(z[threadIdx.x], make_cuFloatComplex(3, 4)), make_cuFloatComplex(3, 4));
  EXPECT(CUDART_PI_F > 3.14f && CUDART_INF_F > 1e38f);
  static_assert(cuda::std::is_same_v<float, decltype(z->x)> && cuda::std::numeric_limits<int>::max() > 0);
}

int main() {
  nvtxRangePush("libraries");
  cublasHandle_t blas;
  float x = 1;
  EXPECT_ON_HOST(cublasCreate(&blas) == CUBLAS_STATUS_SUCCESS);
  EXPECT_ON_HOST(cublasStrsv(blas, CUBLAS_FILL_MODE_LOWER, CUBLAS_OP_N, CUBLAS_DIAG_UNIT, 1, &x, 1, &x, 1) ==
                 CUBLAS_STATUS_NOT_SUPPORTED);
  EXPECT_ON_HOST(cublasDestroy(blas) == CUBLAS_STATUS_SUCCESS);
  curandGenerator_t generator;
  EXPECT_ON_HOST(curandCreateGenerator(&generator, CURAND_RNG_PSEUDO_PHILOX4_32_10) != CURAND_STATUS_SUCCESS);
  cudnnHandle_t dnn;
  EXPECT_ON_HOST(cudnnCreate(&dnn) == CUDNN_STATUS_NOT_SUPPORTED);
  EXPECT_ON_HOST(cuInit(0) == CUDA_ERROR_NOT_SUPPORTED);
  nvrtcProgram program;
  EXPECT_ON_HOST(nvrtcCreateProgram(&program, "", "", 0, nullptr, nullptr) != NVRTC_SUCCESS);
  EXPECT_ON_HOST(cudaProfilerStart() == cudaSuccess && cudaProfilerStop() == cudaSuccess);
  nvtxRangePop();

  cuFloatComplex* z;
  cudaMallocManaged(&z, 32 * sizeof *z);
  for (int i = 0; i < 32; ++i) z[i] = make_cuFloatComplex(static_cast<float>(i), -1);
  complex<<<1, 32>>>(z);
  cudaDeviceSynchronize();
  for (int i = 0; i < 32; ++i)
    EXPECT_ON_HOST(fabsf(cuCrealf(z[i]) - static_cast<float>(i)) < 1e-5f && fabsf(z[i].y + 1) < 1e-5f);
  cudaFree(z);
  return finish();
}
