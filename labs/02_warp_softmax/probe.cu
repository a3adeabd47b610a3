// Lab 2, the kernels that the questions ask about. Each call launches one of them once:
//
//   probe offset S        `load` by one warp, from float number S of an aligned array
//   probe stride S        `load` by one warp, lane i at float number S * i
//   probe thread_rows C   `thread_per_row`: 32 rows of C floats, one thread per row
//   probe warp_rows C     `warp_per_row`: 32 rows of C floats, one warp per row
#include <cuda_runtime.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

// One number per lane.
__global__ void load(const float* x, float* y, int first, int stride) {
  y[threadIdx.x] = x[first + stride * threadIdx.x];
}

// The sum of each of 32 rows. Lane i reads row i: at step j, number j of its row.
__global__ void thread_per_row(const float* x, float* y, int cols) {
  float sum = 0.0f;
  for (int j = 0; j < cols; ++j) sum += x[threadIdx.x * cols + j];
  y[threadIdx.x] = sum;
}

// The same with 32 warps: warp i reads row i, 32 neighbouring numbers at each step.
__global__ void warp_per_row(const float* x, float* y, int cols) {
  const int row = threadIdx.x / 32, lane = threadIdx.x % 32;
  float sum = 0.0f;
  for (int j = lane; j < cols; j += 32) sum += x[row * cols + j];
  for (int distance = 16; distance > 0; distance /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, distance);
  if (lane == 0) y[row] = sum;
}

int main(int argc, char** argv) {
  const int n = argc == 3 ? std::atoi(argv[2]) : 0;
  const int floats = 1 << 15;
  if (n < 1 || n > 1000) {
    std::fprintf(stderr, "expected offset, stride, thread_rows or warp_rows, and a number from 1 to 1000\n");
    return 2;
  }
  float *x = nullptr, *y = nullptr;
  if (cudaMalloc(&x, floats * sizeof(float)) != cudaSuccess) return 1;
  if (cudaMalloc(&y, 32 * sizeof(float)) != cudaSuccess) return 1;
  if (cudaMemset(x, 0, floats * sizeof(float)) != cudaSuccess) return 1;
  if (std::strcmp(argv[1], "offset") == 0) load<<<1, 32>>>(x, y, n, 1);
  if (std::strcmp(argv[1], "stride") == 0) load<<<1, 32>>>(x, y, 0, n);
  if (std::strcmp(argv[1], "thread_rows") == 0) thread_per_row<<<1, 32>>>(x, y, n);
  if (std::strcmp(argv[1], "warp_rows") == 0) warp_per_row<<<1, 1024>>>(x, y, n);
  if (cudaDeviceSynchronize() != cudaSuccess) return 1;
  cudaFree(x);
  cudaFree(y);
  return 0;
}
