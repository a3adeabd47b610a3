// A histogram in shared memory. Planted bug: counts are raised by a load and a store instead of an atomic, so
// that threads of different warps overwrite one another's.
#include <cuda_runtime.h>

#include <cstdio>
#include <vector>

constexpr int kBins = 8;

__global__ void histogram(const int* in, int* out, int n) {
  __shared__ int bins[kBins];
  if (threadIdx.x < kBins) bins[threadIdx.x] = 0;
  __syncthreads();
  const int i = threadIdx.x;
  if (i < n) {
#ifdef FIXED
    atomicAdd(&bins[in[i]], 1);
#else
    bins[in[i]] += 1;  // BUG: shared-race
#endif
  }
  __syncthreads();
  if (threadIdx.x < kBins) out[threadIdx.x] = bins[threadIdx.x];
}

int main() {
  constexpr int kSize = 250;
  std::vector<int> host(kSize);
  for (int i = 0; i < kSize; ++i) host[i] = i * i % kBins;
  int *in, *out;
  cudaMalloc(&in, kSize * sizeof(int));
  cudaMalloc(&out, kBins * sizeof(int));
  cudaMemcpy(in, host.data(), kSize * sizeof(int), cudaMemcpyHostToDevice);
  histogram<<<1, 256>>>(in, out, kSize);
  cudaMemcpy(host.data(), out, kBins * sizeof(int), cudaMemcpyDeviceToHost);
  std::printf("%d\n", host[0]);
  cudaFree(in);
  cudaFree(out);
  return 0;
}
