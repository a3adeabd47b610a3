// The difference of neighbours, through shared memory. Planted bug: the last thread reads past the end of the
// shared array.
#include <cuda_runtime.h>

#include <cstdio>
#include <vector>

constexpr int kThreads = 64;

__global__ void differences(const float* in, float* out) {
  __shared__ float tile[kThreads];
  const int i = threadIdx.x;
  tile[i] = in[i];
  __syncthreads();
#ifdef FIXED
  const float next = tile[i + 1 < kThreads ? i + 1 : i];
#else
  const float next = tile[i + 1];  // BUG: out-of-bounds
#endif
  out[i] = next - tile[i];
}

int main() {
  std::vector<float> host(kThreads, 1.0f);
  float *in, *out;
  cudaMalloc(&in, kThreads * sizeof(float));
  cudaMalloc(&out, kThreads * sizeof(float));
  cudaMemcpy(in, host.data(), kThreads * sizeof(float), cudaMemcpyHostToDevice);
  differences<<<1, kThreads>>>(in, out);
  cudaMemcpy(host.data(), out, kThreads * sizeof(float), cudaMemcpyDeviceToHost);
  std::printf("%g\n", host[0]);
  cudaFree(in);
  cudaFree(out);
  return 0;
}
