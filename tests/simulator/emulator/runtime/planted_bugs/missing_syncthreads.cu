// Each block reverses its part of an array through shared memory. Planted bug: no barrier between the writes
// and the reads, which cross warps.
#include <cuda_runtime.h>

#include <cstdio>
#include <vector>

constexpr int kThreads = 128;

__global__ void reverse(const float* in, float* out) {
  __shared__ float tile[kThreads];
  const int base = blockIdx.x * kThreads;
  tile[threadIdx.x] = in[base + threadIdx.x];  // BUG: shared-race
#ifdef FIXED
  __syncthreads();
#endif
  out[base + threadIdx.x] = tile[kThreads - 1 - threadIdx.x];  // BUG: shared-race ALSO: uninitialised-read
}

int main() {
  constexpr int kBlocks = 4, kSize = kBlocks * kThreads;
  std::vector<float> host(kSize);
  for (int i = 0; i < kSize; ++i) host[i] = static_cast<float>(i);
  float *in, *out;
  cudaMalloc(&in, kSize * sizeof(float));
  cudaMalloc(&out, kSize * sizeof(float));
  cudaMemcpy(in, host.data(), kSize * sizeof(float), cudaMemcpyHostToDevice);
  reverse<<<kBlocks, kThreads>>>(in, out);
  cudaMemcpy(host.data(), out, kSize * sizeof(float), cudaMemcpyDeviceToHost);
  std::printf("%g\n", host[0]);
  cudaFree(in);
  cudaFree(out);
  return 0;
}
