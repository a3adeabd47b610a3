// Reverses a row in shared memory. Planted bug: more dynamic shared memory than a block gets without
// cudaFuncSetAttribute; the kernel never runs, nobody looks.
#include <cuda_runtime.h>

#include <cstdio>

__global__ void reverse(const float* in, float* out, int n) {
  extern __shared__ float row[];
  for (int i = threadIdx.x; i < n; i += blockDim.x) row[i] = in[i];
  __syncthreads();
  for (int i = threadIdx.x; i < n; i += blockDim.x) out[i] = row[n - 1 - i];
}

int main() {
  constexpr int kSize = 16384, kBytes = kSize * sizeof(float);
  float *in, *out, first;
  cudaMalloc(&in, kBytes);
  cudaMalloc(&out, kBytes);
  cudaMemset(in, 0, kBytes);
  cudaMemset(out, 0, kBytes);
#ifdef FIXED
  cudaFuncSetAttribute(reverse, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes);
#endif
  reverse<<<1, 256, kBytes>>>(in, out, kSize);  // BUG: refused-launch
  cudaMemcpy(&first, out, sizeof first, cudaMemcpyDeviceToHost);
  std::printf("%g\n", first);
  cudaFree(in);
  cudaFree(out);
  return 0;
}
