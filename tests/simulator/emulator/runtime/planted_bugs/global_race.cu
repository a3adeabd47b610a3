// The sum of an array: each block adds its part to one number. Planted bug: by a load and a store instead of
// an atomic, so that blocks overwrite one another's part.
#include <cuda_runtime.h>

#include <cstdio>
#include <vector>

__global__ void sum(const float* in, float* total) {
  float part = in[blockIdx.x * 32 + threadIdx.x];
  for (int step = 16; step > 0; step /= 2) part += __shfl_down_sync(0xffffffffu, part, step);
  if (threadIdx.x == 0) {
#ifdef FIXED
    atomicAdd(total, part);
#else
    *total += part;  // BUG: global-race
#endif
  }
}

int main() {
  constexpr int kBlocks = 6, kSize = kBlocks * 32;
  std::vector<float> host(kSize, 1.0f);
  float *in, *total;
  cudaMalloc(&in, kSize * sizeof(float));
  cudaMalloc(&total, sizeof(float));
  cudaMemcpy(in, host.data(), kSize * sizeof(float), cudaMemcpyHostToDevice);
  cudaMemset(total, 0, sizeof(float));
  sum<<<kBlocks, 32>>>(in, total);
  cudaMemcpy(host.data(), total, sizeof(float), cudaMemcpyDeviceToHost);
  std::printf("%g\n", host[0]);
  cudaFree(in);
  cudaFree(total);
  return 0;
}
