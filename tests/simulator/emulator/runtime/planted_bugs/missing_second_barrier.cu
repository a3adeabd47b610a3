// A block sums the products of two vectors' tiles, one tile per step. Planted bug: no barrier at the end of a
// step, so that a fast warp overwrites the tile that a slow one still reads.
#include <cuda_runtime.h>

#include <cstdio>
#include <vector>

constexpr int kThreads = 96, kSteps = 3;

__global__ void correlate(const float* x, const float* y, float* out) {
  __shared__ float tile[kThreads];
  float sum = 0;
  for (int step = 0; step < kSteps; ++step) {
    tile[threadIdx.x] = x[step * kThreads + threadIdx.x];  // BUG: shared-race
    __syncthreads();
    for (int j = 0; j < kThreads; ++j) {
      sum += tile[j] * y[j];  // BUG: shared-race
    }
#ifdef FIXED
    __syncthreads();
#endif
  }
  out[threadIdx.x] = sum;
}

int main() {
  std::vector<float> host(kThreads * kSteps, 1.0f);
  float *x, *y, *out;
  cudaMalloc(&x, host.size() * sizeof(float));
  cudaMalloc(&y, kThreads * sizeof(float));
  cudaMalloc(&out, kThreads * sizeof(float));
  cudaMemcpy(x, host.data(), host.size() * sizeof(float), cudaMemcpyHostToDevice);
  cudaMemcpy(y, host.data(), kThreads * sizeof(float), cudaMemcpyHostToDevice);
  correlate<<<1, kThreads>>>(x, y, out);
  cudaMemcpy(host.data(), out, kThreads * sizeof(float), cudaMemcpyDeviceToHost);
  std::printf("%g\n", host[0]);
  cudaFree(x);
  cudaFree(y);
  cudaFree(out);
  return 0;
}
