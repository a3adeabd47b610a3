// A block sums an array that ends before the block does. Planted bug: the threads without an element leave
// before the barrier, half a warp among them.
#include <cuda_runtime.h>

#include <cstdio>
#include <vector>

constexpr int kThreads = 128;

__global__ void sum(const float* in, float* total, int n) {
  __shared__ float tile[kThreads];
  const int i = threadIdx.x;
#ifdef FIXED
  tile[i] = i < n ? in[i] : 0.0f;
#else
  tile[i] = 0;
  if (i >= n) return;
  tile[i] = in[i];
#endif
  __syncthreads();  // BUG: missing-arrival
  if (i == 0) {
    float all = 0;
    for (int j = 0; j < n; ++j) all += tile[j];
    *total = all;
  }
}

int main() {
  constexpr int kSize = 80;
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
