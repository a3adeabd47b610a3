// Transposes a tile in dynamic shared memory. Planted bug: the launch asks for room without the padding that
// the kernel's rows have.
#include <cuda_runtime.h>

#include <cstdio>
#include <vector>

constexpr int kTile = 16, kStride = kTile + 1;

__global__ void transpose(const float* in, float* out) {
  extern __shared__ float tile[];
  const int r = threadIdx.y, c = threadIdx.x;
  tile[r * kStride + c] = in[r * kTile + c];  // BUG: out-of-bounds
  __syncthreads();
  out[r * kTile + c] = tile[c * kStride + r];  // BUG: out-of-bounds
}

int main() {
#ifdef FIXED
  constexpr int kRoom = kTile * kStride * sizeof(float);
#else
  constexpr int kRoom = kTile * kTile * sizeof(float);
#endif
  std::vector<float> host(kTile * kTile, 1.0f);
  float *in, *out;
  cudaMalloc(&in, host.size() * sizeof(float));
  cudaMalloc(&out, host.size() * sizeof(float));
  cudaMemcpy(in, host.data(), host.size() * sizeof(float), cudaMemcpyHostToDevice);
  transpose<<<1, dim3(kTile, kTile), kRoom>>>(in, out);
  cudaMemcpy(host.data(), out, host.size() * sizeof(float), cudaMemcpyDeviceToHost);
  std::printf("%g\n", host[0]);
  cudaFree(in);
  cudaFree(out);
  return 0;
}
