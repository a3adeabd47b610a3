// Fills an array with one block. Planted bug: more threads than a block may have.
#include <cuda_runtime.h>

#include <cstdio>

__global__ void fill(float* out, int n) {
  for (int i = threadIdx.x; i < n; i += blockDim.x) out[i] = static_cast<float>(i);
}

int main() {
  constexpr int kSize = 2048;
#ifdef FIXED
  constexpr int kThreads = 1024;
#else
  constexpr int kThreads = 2048;
#endif
  float* out;
  cudaMalloc(&out, kSize * sizeof(float));
  cudaMemset(out, 0, kSize * sizeof(float));
  fill<<<1, kThreads>>>(out, kSize);  // BUG: refused-launch
  float last;
  cudaMemcpy(&last, out + kSize - 1, sizeof(float), cudaMemcpyDeviceToHost);
  std::printf("%g\n", last);
  cudaFree(out);
  return 0;
}
