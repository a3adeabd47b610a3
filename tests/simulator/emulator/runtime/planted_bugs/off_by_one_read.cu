// out[i] = (in[i] + in[i + 1]) / 2. Planted bug: the last thread reads one element past the end.
#include <cuda_runtime.h>

#include <cstdio>
#include <vector>

__global__ void smooth(const float* in, float* out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
#ifdef FIXED
  const float next = in[i + 1 < n ? i + 1 : i];
#else
  const float next = in[i + 1];  // BUG: out-of-bounds
#endif
  out[i] = 0.5f * (in[i] + next);
}

int main() {
  constexpr int kSize = 100;
  std::vector<float> host(kSize, 1.0f);
  float *in, *out;
  cudaMalloc(&in, kSize * sizeof(float));
  cudaMalloc(&out, kSize * sizeof(float));
  cudaMemcpy(in, host.data(), kSize * sizeof(float), cudaMemcpyHostToDevice);
  smooth<<<2, 64>>>(in, out, kSize);
  cudaMemcpy(host.data(), out, kSize * sizeof(float), cudaMemcpyDeviceToHost);
  std::printf("%g\n", host[0]);
  cudaFree(in);
  cudaFree(out);
  return 0;
}
