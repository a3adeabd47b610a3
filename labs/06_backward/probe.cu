// Lab 6's probe: what other ways through the backward pass would cost.
//
//   attnlab emulate probe.cu -- standard 96   what P and dS [96][96] in HBM would store
//   attnlab emulate probe.cu -- atomic 96     dq [96][32] summed by atomics, one block for each 32 keys
//   attnlab emulate probe.cu -- exps 96       exponentials of two walks over 96 x 96 pairs in tiles of 32
#include <cuda_runtime.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#define CHECK(call)                                                     \
  if (const cudaError_t error = (call); error != cudaSuccess) {         \
    std::fprintf(stderr, "%s: %s\n", #call, cudaGetErrorString(error)); \
    std::exit(1);                                                       \
  }

// P and dS go to HBM, number after number.
__global__ void standard(float* p, float* ds, int n) {
  for (int e = threadIdx.x; e < n * n; e += 32) p[e] = ds[e] = 1;
}

// Block b has the keys 32 b ... 32 b + 31. Its warp adds a part to each row of dq [n][32], a lane to each number.
__global__ void atomic(float* dq, int n) {
  for (int i = 0; i < n; ++i) atomicAdd(&dq[i * 32 + threadIdx.x], 1.0f);
}

// P, once in the walk over keys and once in the walk over queries; a block owns 32 rows of one of them.
__global__ void exps(float* to, int n) {
  float sum = 0;
  for (int walk = 0; walk < 2; ++walk) {
    for (int other = 0; other < n; ++other) {
      const int own = blockIdx.x * 32 + threadIdx.x;
      if (own < n) sum += expf(-static_cast<float>(other));
    }
  }
  to[blockIdx.x * 32 + threadIdx.x] = sum;
}

int main(int argc, char** argv) {
  const char* what = argc > 2 ? argv[1] : "";
  const int n = argc > 2 ? std::atoi(argv[2]) : 0, blocks = (n + 31) / 32;
  if ((std::strcmp(what, "standard") != 0 && std::strcmp(what, "atomic") != 0 &&
       std::strcmp(what, "exps") != 0) ||
      n < 1 || n > 512) {
    std::fprintf(stderr, "%s: expected standard, atomic or exps, and N from 1 to 512\n", argv[0]);
    return 2;
  }
  float* to;
  CHECK(cudaMalloc(&to, (2 * 512 * 512 + 512) * sizeof(float)));
  CHECK(cudaMemset(to, 0, (2 * 512 * 512 + 512) * sizeof(float)));
  if (!std::strcmp(what, "standard")) {
    standard<<<1, 32>>>(to, to + 512 * 512, n);
  } else if (!std::strcmp(what, "atomic")) {
    atomic<<<blocks, 32>>>(to, n);
  } else {
    exps<<<blocks, 32>>>(to, n);
  }
  CHECK(cudaGetLastError());
  CHECK(cudaDeviceSynchronize());
  CHECK(cudaFree(to));
}
