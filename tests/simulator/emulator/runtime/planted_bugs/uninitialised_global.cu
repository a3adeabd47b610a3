// y += a x. Planted bug: nobody has set y.
#include <cuda_runtime.h>

#include <cstdio>
#include <vector>

__global__ void axpy(float a, const float* x, float* y, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] += a * x[i];  // BUG: uninitialised-read
}

int main() {
  constexpr int kSize = 100;
  std::vector<float> host(kSize, 1.0f);
  float *x, *y;
  cudaMalloc(&x, kSize * sizeof(float));
  cudaMalloc(&y, kSize * sizeof(float));
  cudaMemcpy(x, host.data(), kSize * sizeof(float), cudaMemcpyHostToDevice);
#ifdef FIXED
  cudaMemset(y, 0, kSize * sizeof(float));
#endif
  axpy<<<2, 64>>>(2.0f, x, y, kSize);
  cudaMemcpy(host.data(), y, kSize * sizeof(float), cudaMemcpyDeviceToHost);
  std::printf("%g\n", host[0]);
  cudaFree(x);
  cudaFree(y);
  return 0;
}
