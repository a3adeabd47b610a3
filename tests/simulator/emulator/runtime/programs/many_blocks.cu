// Reverses tiles of an array by asynchronous copies to shared memory: more blocks than any CPU has cores.
#include <cuda_pipeline.h>
#include <cuda_runtime.h>

#include <cstdio>
#include <vector>

constexpr int kTile = 64, kBlocks = 300;

__global__ void reverse_tiles(const float4* from, float4* to) {
  __shared__ float4 tile[kTile];
  const int first = blockIdx.x * kTile, i = threadIdx.x;
  __pipeline_memcpy_async(&tile[i], &from[first + i], sizeof(float4));
  __pipeline_commit();
  __pipeline_wait_prior(0);
  __syncthreads();
  to[first + i] = tile[kTile - 1 - i];
}

int main() {
  std::vector<float4> host(kBlocks * kTile);
  for (std::size_t n = 0; n < host.size(); ++n) host[n] = make_float4(static_cast<float>(n), 0, 0, 1);
  const std::size_t bytes = host.size() * sizeof(float4);
  float4 *from = nullptr, *to = nullptr;
  if (cudaMalloc(&from, bytes) != cudaSuccess || cudaMalloc(&to, bytes) != cudaSuccess) return 2;
  cudaMemcpy(from, host.data(), bytes, cudaMemcpyHostToDevice);
  reverse_tiles<<<kBlocks, kTile>>>(from, to);
  if (cudaMemcpy(host.data(), to, bytes, cudaMemcpyDeviceToHost) != cudaSuccess) return 2;
  cudaFree(from);
  cudaFree(to);
  for (int n = 0; n < kBlocks * kTile; ++n) {
    const int expected = n / kTile * kTile + kTile - 1 - n % kTile;
    if (host[n].x != static_cast<float>(expected)) {
      std::printf("element %d: %g, expected %d\n", n, host[n].x, expected);
      return 1;
    }
  }
  return 0;
}
