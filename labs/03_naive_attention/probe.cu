// Lab 3, the kernels that the questions ask about:
//
//   probe least N        one head of 32 * N tokens, head_dim 64: q, k and v are read once, o is written once.
//                        No attention can move less.
//   probe round_trip N   32 * N x 32 * N scores: S is written, read twice for the softmax, P written, P read.
#include <cuda_runtime.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

// Each thread one number of each array.
__global__ void least(const float* q, const float* k, const float* v, float* o) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  o[i] = q[i] + k[i] + v[i];
}

__global__ void write(float* s) { s[blockIdx.x * blockDim.x + threadIdx.x] = 1.0f; }

// A warp reads its row twice and writes it once.
__global__ void read_twice_and_write(float* s, int cols) {
  float* row = s + blockIdx.x * cols;
  float sum = 0.0f;
  for (int j = threadIdx.x; j < cols; j += 32) sum += row[j];
  for (int j = threadIdx.x; j < cols; j += 32) row[j] = row[j] / sum;
}

__global__ void read(const float* s, float* o, int cols) {
  float sum = 0.0f;
  for (int j = threadIdx.x; j < cols; j += 32) sum += s[blockIdx.x * cols + j];
  if (sum == 0.0f) o[blockIdx.x] = sum;  // never: only the reads are of interest
}

int main(int argc, char** argv) {
  const int n = argc == 3 ? 32 * std::atoi(argv[2]) : 0;
  if (n < 32 || n > 32 * 32) {
    std::fprintf(stderr, "expected least or round_trip, and a number from 1 to 32\n");
    return 2;
  }
  const size_t numbers = std::strcmp(argv[1], "least") == 0 ? size_t(4) * n * 64 : size_t(n) * n + n;
  float* x = nullptr;
  if (cudaMalloc(&x, numbers * sizeof(float)) != cudaSuccess) return 1;
  if (cudaMemset(x, 0, numbers * sizeof(float)) != cudaSuccess) return 1;
  if (std::strcmp(argv[1], "least") == 0) {
    least<<<n, 64>>>(x, x + n * 64, x + n * 128, x + n * 192);
  } else {
    write<<<n*(n / 32), 32>>>(x);
    read_twice_and_write<<<n, 32>>>(x, n);
    read<<<n, 32>>>(x, x + n * n, n);
  }
  if (cudaDeviceSynchronize() != cudaSuccess) return 1;
  cudaFree(x);
  return 0;
}
