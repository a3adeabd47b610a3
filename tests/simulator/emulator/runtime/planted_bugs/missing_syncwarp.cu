// Each warp reverses its part of an array through shared memory. Planted bug: no __syncwarp between the
// writes and the reads; since Volta the lanes of a warp need not run in step.
#include <cuda_runtime.h>

#include <cstdio>
#include <vector>

constexpr int kThreads = 64;

__global__ void reverse(const float* in, float* out) {
  __shared__ float tile[kThreads];
  const int lane = threadIdx.x % 32, first = threadIdx.x - lane;
  tile[threadIdx.x] = in[threadIdx.x];  // BUG: shared-race
#ifdef FIXED
  __syncwarp();
#endif
  out[threadIdx.x] = tile[first + 31 - lane];  // BUG: shared-race ALSO: uninitialised-read
}

int main() {
  std::vector<float> host(kThreads, 1.0f);
  float *in, *out;
  cudaMalloc(&in, kThreads * sizeof(float));
  cudaMalloc(&out, kThreads * sizeof(float));
  cudaMemcpy(in, host.data(), kThreads * sizeof(float), cudaMemcpyHostToDevice);
  reverse<<<1, kThreads>>>(in, out);
  cudaMemcpy(host.data(), out, kThreads * sizeof(float), cudaMemcpyDeviceToHost);
  std::printf("%g\n", host[0]);
  cudaFree(in);
  cudaFree(out);
  return 0;
}
