// Doubles an array. Planted bug: the copy back is asked for more bytes than the array has; it fails, nobody
// looks, and the program goes on with what was on the host before.
#include <cuda_runtime.h>

#include <cstdio>
#include <vector>

__global__ void twice(int* x, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) x[i] *= 2;
}

int main() {
  constexpr int kSize = 1000, kThreads = 128;
  std::vector<int> host(2 * kSize, 1);
  int* device;
  cudaMalloc(&device, kSize * sizeof(int));
  cudaMemcpy(device, host.data(), kSize * sizeof(int), cudaMemcpyHostToDevice);
  twice<<<(kSize + kThreads - 1) / kThreads, kThreads>>>(device, kSize);
#ifdef FIXED
  cudaMemcpy(host.data(), device, kSize * sizeof(int), cudaMemcpyDeviceToHost);
#else
  cudaMemcpy(host.data(), device, 2 * kSize * sizeof(int), cudaMemcpyDeviceToHost);  // BUG: refused-call
#endif
  cudaFree(device);
  std::printf("%d\n", host[kSize - 1]);
  return 0;
}
