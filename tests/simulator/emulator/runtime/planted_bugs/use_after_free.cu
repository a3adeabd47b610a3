// Copies an array twice. Planted bug: the source is freed before the second kernel reads it.
#include <cuda_runtime.h>

#include <cstdio>
#include <vector>

__global__ void copy(const float* in, float* out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) out[i] = in[i];  // BUG: use-after-free
}

int main() {
  constexpr int kSize = 100;
  std::vector<float> host(kSize, 1.0f);
  float *in, *first, *second;
  cudaMalloc(&in, kSize * sizeof(float));
  cudaMalloc(&first, kSize * sizeof(float));
  cudaMalloc(&second, kSize * sizeof(float));
  cudaMemcpy(in, host.data(), kSize * sizeof(float), cudaMemcpyHostToDevice);
  copy<<<2, 64>>>(in, first, kSize);
#ifndef FIXED
  cudaFree(in);
#endif
  copy<<<2, 64>>>(in, second, kSize);
  cudaMemcpy(host.data(), second, kSize * sizeof(float), cudaMemcpyDeviceToHost);
  std::printf("%g\n", host[0]);
#ifdef FIXED
  cudaFree(in);
#endif
  cudaFree(first);
  cudaFree(second);
  return 0;
}
