// Reads a tile that cp.async brings to shared memory. Planted bug: nobody waits for the copies; the barrier
// alone does not.
#include <cuda_runtime.h>

#include <cstdio>
#include <vector>

constexpr int kThreads = 64;

__global__ void neighbours(const float4* in, float* out) {
  __shared__ __align__(16) float4 tile[kThreads];
  const int i = threadIdx.x;
  const unsigned to = static_cast<unsigned>(__cvta_generic_to_shared(&tile[i]));
  asm volatile("cp.async.ca.shared.global [%0], [%1], 16;\n" ::"r"(to), "l"(in + i));
  asm volatile("cp.async.commit_group;\n" ::);
#ifdef FIXED
  asm volatile("cp.async.wait_group 0;\n" ::);
#endif
  __syncthreads();
  const float4 four = tile[i ^ 1];  // BUG: read-before-wait
  out[i] = four.x + four.y + four.z + four.w;
}

int main() {
  std::vector<float> host(4 * kThreads, 1.0f);
  float4* in;
  float* out;
  cudaMalloc(&in, kThreads * sizeof(float4));
  cudaMalloc(&out, kThreads * sizeof(float));
  cudaMemcpy(in, host.data(), kThreads * sizeof(float4), cudaMemcpyHostToDevice);
  neighbours<<<1, kThreads>>>(in, out);
  cudaMemcpy(host.data(), out, kThreads * sizeof(float), cudaMemcpyDeviceToHost);
  std::printf("%g\n", host[0]);
  cudaFree(in);
  cudaFree(out);
  return 0;
}
