// Fills an array. Planted bug: a workspace is never freed.
#include <cuda_runtime.h>

#include <cstdio>

__global__ void fill(float* out, float* workspace, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) out[i] = workspace[i] = static_cast<float>(i);
}

int main() {
  constexpr int kSize = 100;
  float *out, *workspace, last;
  cudaMalloc(&out, kSize * sizeof(float));
  cudaMalloc(&workspace, kSize * sizeof(float));  // BUG: leak
  fill<<<2, 64>>>(out, workspace, kSize);
  cudaMemcpy(&last, out + kSize - 1, sizeof(float), cudaMemcpyDeviceToHost);
  std::printf("%g\n", last);
  cudaFree(out);
#ifdef FIXED
  cudaFree(workspace);
#endif
  return 0;
}
