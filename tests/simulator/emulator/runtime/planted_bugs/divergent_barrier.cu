// Neighbours exchange numbers through shared memory. Planted bug: the halves of a warp wait at different
// barriers.
#include <cuda_runtime.h>

#include <cstdio>
#include <vector>

constexpr int kThreads = 64;

__global__ void exchange(const float* in, float* out) {
  __shared__ float tile[kThreads];
  const int i = threadIdx.x;
#ifdef FIXED
  tile[i] = i % 2 == 0 ? in[i] : -in[i];
  __syncthreads();
#else
  if (i % 2 == 0) {
    tile[i] = in[i];
    __syncthreads();  // BUG: divergent-barrier
  } else {
    tile[i] = -in[i];
    __syncthreads();  // BUG: divergent-barrier
  }
#endif
  out[i] = tile[i ^ 1];
}

int main() {
  std::vector<float> host(kThreads, 1.0f);
  float *in, *out;
  cudaMalloc(&in, kThreads * sizeof(float));
  cudaMalloc(&out, kThreads * sizeof(float));
  cudaMemcpy(in, host.data(), kThreads * sizeof(float), cudaMemcpyHostToDevice);
  exchange<<<1, kThreads>>>(in, out);
  cudaMemcpy(host.data(), out, kThreads * sizeof(float), cudaMemcpyDeviceToHost);
  std::printf("%g\n", host[0]);
  cudaFree(in);
  cudaFree(out);
  return 0;
}
