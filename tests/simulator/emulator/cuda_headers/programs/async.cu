// Do asynchronous copies, cuda::barrier and cuda::pipeline bring every byte, in every form?
#include <cooperative_groups.h>
#include <cooperative_groups/memcpy_async.h>
#include <cuda_pipeline.h>

#include <cuda/barrier>
#include <cuda/pipeline>

#include "expect.h"

namespace cg = cooperative_groups;
constexpr int kThreads = 64, kTile = 256, kTiles = 6;

__global__ void primitives(const float* in, float* out) {
  __shared__ __align__(16) float tile[2][kTile];
  const unsigned t = threadIdx.x * 4;
  __pipeline_memcpy_async(&tile[0][t], in + t, 16);
  __pipeline_commit();
  for (int i = 0; i < kTiles; ++i) {
    if (i + 1 < kTiles) __pipeline_memcpy_async(&tile[(i + 1) % 2][t], in + (i + 1) * kTile + t, 16);
    __pipeline_commit();
    __pipeline_wait_prior(1);
    __syncthreads();
    for (int j = 0; j < 4; ++j)
      out[i * kTile + j * kThreads + threadIdx.x] = tile[i % 2][j * kThreads + threadIdx.x] * 2;
    __syncthreads();
  }
  // The last 12 of 16 bytes are zeros.
  __pipeline_memcpy_async(&tile[0][t], in + t, 16, 12);
  __pipeline_commit();
  __pipeline_wait_prior(0);
  EXPECT(tile[0][t] == in[t] && tile[0][t + 1] == 0 && tile[0][t + 3] == 0);
}

__global__ void groups(const float* in, float* out) {
  __shared__ __align__(16) float tile[kTile + 3];
  const auto block = cg::this_thread_block();
  for (int i = 0; i < kTiles; ++i) {
    if (i % 2 == 0)
      cg::memcpy_async(block, tile, in + i * kTile, cuda::aligned_size_t<16>(kTile * 4));
    else
      cg::memcpy_async(block, tile, in + i * kTile, kTile * 4);
    cg::wait(block);
    for (unsigned j = threadIdx.x; j < kTile; j += kThreads) out[i * kTile + j] = tile[j] * 2;
    block.sync();
  }
  // An odd number of bytes, at a place for pieces of 4 bytes and at an odd place.
  const auto bytes = [&](unsigned to, unsigned from) {
    char* tile_bytes = reinterpret_cast<char*>(tile);
    const char* in_bytes = reinterpret_cast<const char*>(in);
    for (unsigned j = threadIdx.x; j < kTile; j += kThreads) tile_bytes[j] = 'x';
    block.sync();
    cg::memcpy_async(block, tile_bytes + to, in_bytes + from, 103);
    cg::wait(block);
    for (unsigned j = threadIdx.x; j < kTile; j += kThreads)
      EXPECT(tile_bytes[j] == (j >= to && j < to + 103 ? in_bytes[j - to + from] : 'x'));
    block.sync();
  };
  bytes(4, 8);
  bytes(1, 5);
}

__global__ void barriers(const float* in, float* out) {
  __shared__ __align__(16) float tile[kTile];
  __shared__ cuda::barrier<cuda::thread_scope_block> arrived;
  const auto block = cg::this_thread_block();
  if (block.thread_rank() == 0) init(&arrived, block.size());
  block.sync();
  for (int i = 0; i < kTiles; ++i) {
    cuda::memcpy_async(block, tile, in + i * kTile, cuda::aligned_size_t<16>(kTile * 4), arrived);
    arrived.arrive_and_wait();
    for (unsigned j = threadIdx.x; j < kTile; j += kThreads) out[i * kTile + j] = tile[j] * 2;
    auto token = arrived.arrive();
    arrived.wait(std::move(token));
  }
}

__global__ void thread_pipeline(const float* in, float* out) {
  __shared__ __align__(16) float tile[3][kTile];
  const unsigned t = threadIdx.x * 4;
  auto pipe = cuda::make_pipeline();
  for (int i = 0; i < kTiles + 2; ++i) {
    pipe.producer_acquire();
    if (i < kTiles)
      cuda::memcpy_async(&tile[i % 3][t], in + i * kTile + t, cuda::aligned_size_t<16>(16), pipe);
    pipe.producer_commit();
    if (i < 2) continue;
    pipe.consumer_wait();
    for (unsigned j = 0; j < 4; ++j) out[(i - 2) * kTile + t + j] = tile[(i - 2) % 3][t + j] * 2;
    pipe.consumer_release();
  }
}

__global__ void block_pipeline(const float* in, float* out) {
  __shared__ __align__(16) float tile[2][kTile];
  __shared__ cuda::pipeline_shared_state<cuda::thread_scope_block, 2> state;
  const auto block = cg::this_thread_block();
  auto pipe = cuda::make_pipeline(block, &state);
  for (int i = 0; i <= kTiles; ++i) {
    if (i < kTiles) {
      pipe.producer_acquire();
      cuda::memcpy_async(block, tile[i % 2], in + i * kTile, cuda::aligned_size_t<16>(kTile * 4), pipe);
      pipe.producer_commit();
    }
    if (i == 0) continue;
    pipe.consumer_wait();
    for (unsigned j = threadIdx.x; j < kTile; j += kThreads)
      out[(i - 1) * kTile + j] = tile[(i - 1) % 2][j] * 2;
    pipe.consumer_release();
  }
}

// Half of the threads copy, the other half reads.
__global__ void roles(const float* in, float* out) {
  __shared__ __align__(16) float tile[2][kTile];
  __shared__ cuda::pipeline_shared_state<cuda::thread_scope_block, 2> state;
  const auto block = cg::this_thread_block();
  const bool produces = threadIdx.x < kThreads / 2;
  auto pipe = cuda::make_pipeline(block, &state,
                                  produces ? cuda::pipeline_role::producer : cuda::pipeline_role::consumer);
  for (int i = 0; i < kTiles; ++i) {
    if (produces) {
      pipe.producer_acquire();
      for (unsigned j = threadIdx.x * 4; j < kTile; j += kThreads * 2)
        cuda::memcpy_async(&tile[i % 2][j], in + i * kTile + j, cuda::aligned_size_t<16>(16), pipe);
      pipe.producer_commit();
    } else {
      pipe.consumer_wait();
      for (unsigned j = threadIdx.x - kThreads / 2; j < kTile; j += kThreads / 2)
        out[i * kTile + j] = tile[i % 2][j] * 2;
      pipe.consumer_release();
    }
  }
}

int main() {
  constexpr int n = kTile * kTiles;
  float *in, *out;
  cudaMallocManaged(&in, n * sizeof(float));
  cudaMallocManaged(&out, n * sizeof(float));
  for (int i = 0; i < n; ++i) in[i] = static_cast<float>(i);
  const auto run = [&](void (*kernel)(const float*, float*)) {
    for (int i = 0; i < n; ++i) out[i] = -1;
    kernel<<<1, kThreads>>>(in, out);
    cudaDeviceSynchronize();
    for (int i = 0; i < n; ++i) EXPECT_ON_HOST(out[i] == static_cast<float>(2 * i));
  };
  run(primitives);
  run(groups);
  run(barriers);
  run(thread_pipeline);
  run(block_pipeline);
  run(roles);
  cudaFree(in);
  cudaFree(out);
  return finish();
}
