// Lab 4's probe: small launches whose sectors and wavefronts you predict before you count them.
//
//   attnlab emulate probe.cu -- stride 5      32 blocks of one warp; lane x reads the number 5 x
//   attnlab emulate probe.cu -- offset 3      32 blocks of one warp; lane x reads the number x + 3
//   attnlab emulate probe.cu -- column 36     one warp; lane x reads row x of one column of a tile [32][36]
//   attnlab emulate probe.cu -- narrow 32 8   a tile [32][8] of a matrix with 1024 columns, by one warp
#include <cuda_runtime.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#define CHECK(call)                                                     \
  if (const cudaError_t error = (call); error != cudaSuccess) {         \
    std::fprintf(stderr, "%s: %s\n", #call, cudaGetErrorString(error)); \
    std::exit(1);                                                       \
  }

// Each warp reads 32 numbers, `stride` apart, the first of them `offset` numbers behind a multiple of 128 bytes.
__global__ void copy(const float* from, float* to, int stride, int offset) {
  const float* mine = from + blockIdx.x * 1024;
  to[blockIdx.x * 32 + threadIdx.x] = mine[threadIdx.x * stride + offset];
}

// A tile [32][width] in shared memory: written row by row, then each lane reads one number of column 0.
__global__ void column(float* to, int width) {
  extern __shared__ float tile[];
  for (int e = threadIdx.x; e < 32 * width; e += 32) tile[e] = static_cast<float>(e);
  __syncwarp();
  to[threadIdx.x] = tile[threadIdx.x * width];
}

// A tile [rows][cols] of a matrix with 1024 columns: lane after lane along a row, then the next row.
__global__ void narrow(const float* from, float* to, int rows, int cols) {
  float sum = 0;
  for (int e = threadIdx.x; e < rows * cols; e += 32) sum += from[e / cols * 1024 + e % cols];
  to[threadIdx.x] = sum;
}

int main(int argc, char** argv) {
  const char* what = argc > 2 ? argv[1] : "";
  const int first = argc > 2 ? std::atoi(argv[2]) : 0, second = argc > 3 ? std::atoi(argv[3]) : 1;
  const bool stride = !std::strcmp(what, "stride"), offset = !std::strcmp(what, "offset");
  if ((!stride && !offset && std::strcmp(what, "column") != 0 && std::strcmp(what, "narrow") != 0) ||
      first < (offset ? 0 : 1) || first > 128 || second < 1 || second > 128 || (stride && first > 32)) {
    std::fprintf(stderr, "%s: expected stride 1..32, offset 0..128, column 1..128 or narrow 1..128 1..128\n",
                 argv[0]);
    return 2;
  }
  float *from, *to;
  CHECK(cudaMalloc(&from, 160 * 1024 * sizeof(float)));
  CHECK(cudaMalloc(&to, 1024 * sizeof(float)));
  CHECK(cudaMemset(from, 0, 160 * 1024 * sizeof(float)));
  if (stride) {
    copy<<<32, 32>>>(from, to, first, 0);
  } else if (offset) {
    copy<<<32, 32>>>(from, to, 1, first);
  } else if (!std::strcmp(what, "column")) {
    column<<<1, 32, 32 * first * sizeof(float)>>>(to, first);
  } else {
    narrow<<<1, 32>>>(from, to, first, second);
  }
  CHECK(cudaGetLastError());
  CHECK(cudaDeviceSynchronize());
  CHECK(cudaFree(from));
  CHECK(cudaFree(to));
}
