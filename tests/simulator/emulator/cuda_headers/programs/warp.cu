// Do shuffles, votes, matches, reductions and barriers give what CUDA documents, for every type, width and
// mask?
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "expect.h"

template <class T>
__device__ T number(int lane) {
  return static_cast<T>(static_cast<float>(lane * 3 + 1));
}

template <class T>
__device__ bool same(T a, T b) {
  return static_cast<float>(a) == static_cast<float>(b);
}

template <class T>
__device__ void shuffles() {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const T mine = number<T>(lane);
  for (int width = 1; width <= 32; width *= 2) {
    const int first = lane / width * width, last = first + width - 1;
    for (int i = 0; i < 32; ++i) {
      EXPECT(same(__shfl_sync(~0u, mine, i, width), number<T>(first + i % width)));
      EXPECT(same(__shfl_up_sync(~0u, mine, static_cast<unsigned>(i), width),
                  number<T>(lane - i >= first ? lane - i : lane)));
      EXPECT(same(__shfl_down_sync(~0u, mine, static_cast<unsigned>(i), width),
                  number<T>(lane + i <= last ? lane + i : lane)));
      EXPECT(same(__shfl_xor_sync(~0u, mine, i, width), number<T>((lane ^ i) <= last ? lane ^ i : lane)));
    }
  }
}

__global__ void shuffle_types() {
  shuffles<int>();
  shuffles<unsigned>();
  shuffles<long>();
  shuffles<unsigned long>();
  shuffles<long long>();
  shuffles<unsigned long long>();
  shuffles<float>();
  shuffles<double>();
  shuffles<__half>();
  shuffles<__nv_bfloat16>();
  const int lane = static_cast<int>(threadIdx.x);
  const __half2 pair = __floats2half2_rn(static_cast<float>(lane), static_cast<float>(-lane));
  const float2 got = __half22float2(__shfl_sync(~0u, pair, 31 - lane));
  EXPECT(got.x == static_cast<float>(31 - lane) && got.y == static_cast<float>(lane - 31));
  // All 64 bits move.
  const double fine = 1.0 + lane * 0x1p-50;
  EXPECT(__shfl_xor_sync(~0u, fine, 1) == 1.0 + (lane ^ 1) * 0x1p-50);
}

__global__ void votes() {
  const unsigned lane = threadIdx.x % 32;
  EXPECT(__ballot_sync(~0u, lane % 3 == 0) == 0x49249249u);
  EXPECT(__any_sync(~0u, lane == 31) == 1 && __any_sync(~0u, lane == 32) == 0);
  EXPECT(__all_sync(~0u, lane < 32) == 1 && __all_sync(~0u, lane < 31) == 0);
  // Two halves of a warp, each by itself.
  if (lane < 16) {
    EXPECT(__ballot_sync(0xffffu, lane % 2) == 0xaaaau);
    EXPECT(__all_sync(0xffffu, 1) == 1);
    EXPECT(__shfl_sync(0xffffu, lane, 5) == 5);
    __syncwarp(0xffffu);
  } else {
    EXPECT(__ballot_sync(0xffff0000u, lane % 2) == 0xaaaa0000u);
    EXPECT(__reduce_add_sync(0xffff0000u, lane) == (16 + 31) * 8);
  }
  __syncwarp();
  EXPECT(__activemask() == ~0u);
}

// The header's and PTX's masks of active lanes, in both branches and with a lane that has left.
__global__ void active() {
  const unsigned lane = threadIdx.x % 32;
  if (lane == 31) return;
  unsigned ptx = 0;
  if (lane < 20) {
    asm volatile("activemask.b32 %0;" : "=r"(ptx));
    EXPECT(ptx == 0x000fffffu && __activemask() == 0x000fffffu);
  } else {
    asm volatile("activemask.b32 %0;" : "=r"(ptx));
    EXPECT(ptx == 0x7ff00000u && __activemask() == 0x7ff00000u);
  }
}

__global__ void matches() {
  const unsigned lane = threadIdx.x % 32;
  unsigned expected = 0;
  for (unsigned other = lane % 5; other < 32; other += 5) expected |= 1u << other;
  EXPECT(__match_any_sync(~0u, lane % 5) == expected);
  EXPECT(__match_any_sync(~0u, static_cast<float>(lane % 5)) == expected);
  EXPECT(__match_any_sync(~0u, 0x100000000ll * (lane % 5)) == expected);
  int equal = -1;
  EXPECT(__match_all_sync(~0u, 7, &equal) == ~0u && equal != 0);
  EXPECT(__match_all_sync(~0u, lane / 31, &equal) == 0 && equal == 0);
}

__global__ void reductions() {
  const int lane = static_cast<int>(threadIdx.x % 32);
  EXPECT(__reduce_add_sync(~0u, lane - 16) == -16);
  EXPECT(__reduce_min_sync(~0u, lane - 16) == -16);
  EXPECT(__reduce_max_sync(~0u, lane - 16) == 15);
  const unsigned wrapped = static_cast<unsigned>(lane - 16);
  EXPECT(__reduce_min_sync(~0u, wrapped) == 0 && __reduce_max_sync(~0u, wrapped) == ~0u);
  EXPECT(__reduce_add_sync(~0u, wrapped) == static_cast<unsigned>(-16));
  EXPECT(__reduce_and_sync(~0u, wrapped | 0x40u) == 0x40u);
  EXPECT(__reduce_or_sync(~0u, 1u << lane) == ~0u);
  EXPECT(__reduce_xor_sync(~0u, 1u << lane / 2) == 0);
}

__global__ void barriers(int* values) {
  __shared__ int shared[96];
  const int t = static_cast<int>(threadIdx.x);
  shared[t] = t;
  __syncthreads();
  EXPECT(shared[95 - t] == 95 - t);
  EXPECT(__syncthreads_count(t % 3 == 0) == 32);
  EXPECT(__syncthreads_and(t < 96) != 0 && __syncthreads_and(t < 95) == 0);
  EXPECT(__syncthreads_or(t == 95) != 0 && __syncthreads_or(t == 96) == 0);
  values[blockIdx.x * blockDim.x + threadIdx.x] = static_cast<int>(gridDim.x) * warpSize;
  __threadfence();
  __threadfence_block();
  __threadfence_system();
}

__global__ void indices(unsigned* seen) {
  const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  seen[block * blockDim.x * blockDim.y * blockDim.z + thread] += 1 + block * 1000 + thread;
}

int main() {
  shuffle_types<<<1, 32>>>();
  votes<<<1, 64>>>();
  active<<<1, 64>>>();
  matches<<<1, 64>>>();
  reductions<<<1, 64>>>();
  int* values;
  cudaMallocManaged(&values, 3 * 96 * sizeof(int));
  barriers<<<3, 96>>>(values);
  cudaDeviceSynchronize();
  for (int i = 0; i < 3 * 96; ++i) EXPECT_ON_HOST(values[i] == 96);
  cudaFree(values);
  unsigned* seen;
  const dim3 grid(2, 3, 2), block(4, 3, 5);
  cudaMallocManaged(&seen, 12 * 60 * sizeof(unsigned));
  cudaMemset(seen, 0, 12 * 60 * sizeof(unsigned));
  indices<<<grid, block>>>(seen);
  cudaDeviceSynchronize();
  for (unsigned i = 0; i < 12 * 60; ++i) EXPECT_ON_HOST(seen[i] == 1 + i / 60 * 1000 + i % 60);
  cudaFree(seen);
  return finish();
}
