// A block sums a ragged tile. Planted bug: the tile's rest past the end of the input is never set.
#include <cuda_runtime.h>

#include <cstdio>
#include <vector>

constexpr int kThreads = 64;

__global__ void sum(const float* in, float* total, int n) {
  __shared__ float tile[kThreads];
  const int i = threadIdx.x;
#ifdef FIXED
  tile[i] = i < n ? in[i] : 0.0f;
#else
  if (i < n) tile[i] = in[i];
#endif
  __syncthreads();
  for (int step = kThreads / 2; step > 0; step /= 2) {
    float other = 0;
    if (i < step) other = tile[i + step];  // BUG: uninitialised-read
    __syncthreads();
    if (i < step) tile[i] += other;
    __syncthreads();
  }
  if (i == 0) *total = tile[0];
}

int main() {
  constexpr int kSize = 50;
  std::vector<float> host(kSize, 1.0f);
  float *in, *total;
  cudaMalloc(&in, kSize * sizeof(float));
  cudaMalloc(&total, sizeof(float));
  cudaMemcpy(in, host.data(), kSize * sizeof(float), cudaMemcpyHostToDevice);
  sum<<<1, kThreads>>>(in, total, kSize);
  cudaMemcpy(host.data(), total, sizeof(float), cudaMemcpyDeviceToHost);
  std::printf("%g\n", host[0]);
  cudaFree(in);
  cudaFree(total);
  return 0;
}
