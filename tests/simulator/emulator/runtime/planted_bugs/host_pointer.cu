// Doubles an array. Planted bug: the kernel is given the host's copy of the input.
#include <cuda_runtime.h>

#include <cstdio>
#include <vector>

__global__ void twice(const float* in, float* out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) out[i] = 2 * in[i];  // BUG: host-access
}

int main() {
  constexpr int kSize = 100;
  std::vector<float> host(kSize, 1.0f);
  float *in, *out;
  cudaMalloc(&in, kSize * sizeof(float));
  cudaMalloc(&out, kSize * sizeof(float));
  cudaMemcpy(in, host.data(), kSize * sizeof(float), cudaMemcpyHostToDevice);
#ifdef FIXED
  twice<<<2, 64>>>(in, out, kSize);
#else
  twice<<<2, 64>>>(host.data(), out, kSize);
#endif
  cudaMemcpy(host.data(), out, kSize * sizeof(float), cudaMemcpyDeviceToHost);
  std::printf("%g\n", host[0]);
  cudaFree(in);
  cudaFree(out);
  return 0;
}
