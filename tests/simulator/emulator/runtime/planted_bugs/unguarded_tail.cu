// Doubles an array whose size is no multiple of the block's. Planted bug: the last block writes its whole
// tile.
#include <cuda_runtime.h>

#include <cstdio>
#include <vector>

__global__ void twice(const float* in, float* out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  const float value = i < n ? 2 * in[i] : 0.0f;
#ifdef FIXED
  if (i < n) out[i] = value;
#else
  out[i] = value;  // BUG: out-of-bounds
#endif
}

int main() {
  constexpr int kSize = 100;
  std::vector<float> host(kSize, 1.0f);
  float *in, *out;
  cudaMalloc(&in, kSize * sizeof(float));
  cudaMalloc(&out, kSize * sizeof(float));
  cudaMemcpy(in, host.data(), kSize * sizeof(float), cudaMemcpyHostToDevice);
  twice<<<2, 64>>>(in, out, kSize);
  cudaMemcpy(host.data(), out, kSize * sizeof(float), cudaMemcpyDeviceToHost);
  std::printf("%g\n", host[0]);
  cudaFree(in);
  cudaFree(out);
  return 0;
}
