// The sum of an array, twice: shuffles in a warp, shared memory in a block and an atomic a block; and
// cooperative groups with a barrier of the whole grid, launched by cudaLaunchCooperativeKernel.
#include <cooperative_groups.h>
#include <cooperative_groups/reduce.h>
#include <cuda_runtime.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <random>
#include <vector>

namespace cg = cooperative_groups;

#define CHECK(call)                                                                                   \
  do {                                                                                                \
    cudaError_t err_ = (call);                                                                        \
    if (err_ != cudaSuccess) {                                                                        \
      fprintf(stderr, "%s:%d: %s failed: %s\n", __FILE__, __LINE__, #call, cudaGetErrorString(err_)); \
      exit(EXIT_FAILURE);                                                                             \
    }                                                                                                 \
  } while (0)

__device__ __inline__ float warp_sum(float val) {
#pragma unroll
  for (int offset = warpSize / 2; offset > 0; offset /= 2) val += __shfl_down_sync(0xffffffff, val, offset);
  return val;
}

__device__ __inline__ float block_sum(float val) {
  static __shared__ float shared[32];
  int lane = threadIdx.x % warpSize;
  int wid = threadIdx.x / warpSize;
  val = warp_sum(val);
  if (lane == 0) shared[wid] = val;
  __syncthreads();
  val = (threadIdx.x < blockDim.x / warpSize) ? shared[lane] : 0.0f;
  if (wid == 0) val = warp_sum(val);
  return val;
}

__global__ void sum_by_shuffles(const float* __restrict__ in, float* out, size_t n) {
  float sum = 0;
  for (size_t i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) sum += in[i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) atomicAdd(out, sum);
}

__global__ void sum_by_groups(const float* in, float* partial, float* out, size_t n) {
  cg::grid_group grid = cg::this_grid();
  cg::thread_block block = cg::this_thread_block();
  auto warp = cg::tiled_partition<32>(block);
  extern __shared__ float warpSums[];
  float v = 0;
  for (size_t i = grid.thread_rank(); i < n; i += grid.size()) v += in[i];
  v = cg::reduce(warp, v, cg::plus<float>());
  if (warp.thread_rank() == 0) warpSums[warp.meta_group_rank()] = v;
  block.sync();
  if (warp.meta_group_rank() == 0) {
    float w = warp.thread_rank() < warp.meta_group_size() ? warpSums[warp.thread_rank()] : 0.f;
    w = cg::reduce(warp, w, cg::plus<float>());
    if (warp.thread_rank() == 0) partial[blockIdx.x] = w;
  }
  cg::sync(grid);
  if (grid.thread_rank() == 0) {
    float total = 0;
    for (unsigned b = 0; b < gridDim.x; ++b) total += partial[b];
    *out = total;
  }
}

int main(int argc, char** argv) {
  size_t n = argc > 1 ? strtoull(argv[1], nullptr, 10) : 100003;
  std::mt19937 gen(42);
  std::uniform_real_distribution<float> dist(0.f, 1.f);
  std::vector<float> h(n);
  for (auto& x : h) x = dist(gen);
  const double expected = std::accumulate(h.begin(), h.end(), 0.0);

  cudaDeviceProp prop;
  CHECK(cudaGetDeviceProperties(&prop, 0));
  printf("%s: %d SMs, cc %d.%d\n", prop.name, prop.multiProcessorCount, prop.major, prop.minor);

  float *d_in, *d_out, *d_partial;
  CHECK(cudaMalloc((void**)&d_in, n * sizeof(float)));
  CHECK(cudaMalloc(&d_out, sizeof(float)));
  CHECK(cudaMalloc(&d_partial, 1024 * sizeof(float)));
  CHECK(cudaMemcpy(d_in, h.data(), n * sizeof(float), cudaMemcpyHostToDevice));

  int failures = 0;
  auto check = [&](const char* what) {
    CHECK(cudaGetLastError());
    CHECK(cudaDeviceSynchronize());
    float r = 0;
    CHECK(cudaMemcpy(&r, d_out, sizeof(r), cudaMemcpyDeviceToHost));
    bool ok = std::fabs(r - expected) <= 1e-5 * expected;
    printf("%-20s %.3f (expected %.3f) %s\n", what, r, expected, ok ? "ok" : "WRONG");
    failures += !ok;
  };

  CHECK(cudaMemset(d_out, 0, sizeof(float)));
  int minGrid, blockSize;
  CHECK(cudaOccupancyMaxPotentialBlockSize(&minGrid, &blockSize, sum_by_shuffles, 0, 0));
  printf("occupancy: %d blocks of %d\n", minGrid, blockSize);
  sum_by_shuffles<<<std::min(minGrid, 16), 256>>>(d_in, d_out, n);
  check("shuffle + atomic");

  CHECK(cudaMemset(d_out, 0, sizeof(float)));
  int perSm = 0;
  CHECK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&perSm, sum_by_groups, 256, 8 * sizeof(float)));
  dim3 grid(std::min(perSm * prop.multiProcessorCount, 8)), block(256);
  void* args[] = {&d_in, &d_partial, &d_out, &n};
  CHECK(cudaLaunchCooperativeKernel((void*)sum_by_groups, grid, block, args, 8 * sizeof(float), 0));
  check("cooperative");

  cudaFree(d_in);
  cudaFree(d_out);
  cudaFree(d_partial);
  return failures;
}
