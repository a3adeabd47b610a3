// Do cooperative groups partition, rank, shuffle, reduce and synchronise as documented?
#include <cooperative_groups.h>
#include <cooperative_groups/reduce.h>
#include <cooperative_groups/scan.h>

#include "expect.h"

namespace cg = cooperative_groups;

template <unsigned Size>
__device__ void tile(cg::thread_block block) {
  const auto t = cg::tiled_partition<Size>(block);
  const int rank = static_cast<int>(t.thread_rank()), n = static_cast<int>(Size);
  EXPECT(t.size() == Size && t.num_threads() == Size);
  EXPECT(t.thread_rank() == block.thread_rank() % Size);
  EXPECT(t.meta_group_rank() == block.thread_rank() / Size && t.meta_group_size() == block.size() / Size);
  EXPECT(cg::reduce(t, rank, cg::plus<int>()) == n * (n - 1) / 2);
  EXPECT(cg::reduce(t, static_cast<float>(rank), cg::plus<float>()) == static_cast<float>(n * (n - 1) / 2));
  EXPECT(cg::reduce(t, static_cast<float>(rank), cg::greater<float>()) == static_cast<float>(n - 1));
  EXPECT(cg::reduce(t, rank - 3, cg::less<int>()) == -3);
  EXPECT(cg::reduce(t, 1u << rank, cg::bit_or<unsigned>()) == (n == 32 ? ~0u : (1u << n) - 1));
  EXPECT(cg::inclusive_scan(t, rank + 1) == (rank + 1) * (rank + 2) / 2);
  EXPECT(cg::exclusive_scan(t, rank + 1) == rank * (rank + 1) / 2);
  EXPECT(t.shfl(rank, n - 1) == n - 1);
  EXPECT(t.shfl_xor(rank, 1) == (n == 1 ? 0 : rank ^ 1));
  EXPECT(t.shfl_up(rank, 1) == (rank > 0 ? rank - 1 : 0));
  EXPECT(t.shfl_down(rank, 1) == (rank + 1 < n ? rank + 1 : rank));
  EXPECT(t.ballot(rank == 0) == 1u);
  EXPECT(t.any(rank == n - 1) && t.all(rank < n));
  t.sync();
}

__global__ void tiles() {
  const cg::thread_block block = cg::this_thread_block();
  EXPECT(block.size() == 64 && block.thread_rank() == threadIdx.y * blockDim.x + threadIdx.x);
  EXPECT(block.group_index().x == blockIdx.x && block.thread_index().y == threadIdx.y);
  tile<32>(block);
  tile<16>(block);
  tile<8>(block);
  tile<4>(block);
  tile<2>(block);
  tile<1>(block);
  const auto warp = cg::tiled_partition<32>(block);
  const auto quad = cg::tiled_partition<4>(warp);
  EXPECT(quad.meta_group_size() == 8 && quad.meta_group_rank() == warp.thread_rank() / 4);
  const float4 got = quad.shfl(make_float4(1, 2, 3, static_cast<float>(block.thread_rank())), 2);
  EXPECT(got.x == 1 && got.w == static_cast<float>(block.thread_rank() / 4 * 4 + 2));
  const cg::thread_group eight = cg::tiled_partition(block, 8);
  EXPECT(eight.size() == 8 && eight.thread_rank() == block.thread_rank() % 8);
  eight.sync();
  const cg::thread_group all = block;
  EXPECT(all.size() == 64 && all.thread_rank() == block.thread_rank());
  all.sync();
  cg::sync(block);
}

__global__ void coalesced() {
  const unsigned lane = threadIdx.x % 32;
  if (lane % 3 == 1) {
    const cg::coalesced_group group = cg::coalesced_threads();
    EXPECT(group.size() == 11 && group.thread_rank() == lane / 3);
    EXPECT(group.shfl(lane, 2) == 7);
    EXPECT(group.shfl_down(lane, 1) == (lane < 31 ? lane + 3 : lane));
    EXPECT(cg::reduce(group, static_cast<float>(lane), cg::plus<float>()) == 176.0f);
    EXPECT(cg::reduce(group, lane, cg::plus<unsigned>()) == 176u);
    EXPECT(group.ballot(lane == 4) == 2u);
    EXPECT(group.any(lane == 31) && !group.all(lane == 31));
  }
  __syncwarp();
  const auto warp = cg::tiled_partition<32>(cg::this_thread_block());
  const cg::coalesced_group label = cg::labeled_partition(warp, lane % 4);
  EXPECT(label.size() == 8 && label.thread_rank() == lane / 4);
  const cg::coalesced_group part = cg::binary_partition(warp, lane < 10);
  EXPECT(part.size() == (lane < 10 ? 10u : 22u));
}

__global__ void grid(int* values) {
  const cg::grid_group g = cg::this_grid();
  EXPECT(g.is_valid() && g.size() == 4 * 64 && g.thread_rank() == blockIdx.x * 64 + threadIdx.x);
  EXPECT(g.num_blocks() == 4 && g.block_rank() == blockIdx.x);
  const int me = static_cast<int>(g.thread_rank());
  for (int round = 0; round < 3; ++round) {
    values[me] = me + round;
    g.sync();
    EXPECT(values[255 - me] == 255 - me + round);
    g.sync();
  }
}

int main() {
  tiles<<<2, dim3(16, 4)>>>();
  coalesced<<<1, 64>>>();
  int* values;
  cudaMallocManaged(&values, 256 * sizeof(int));
  void* arguments[] = {&values};
  EXPECT_ON_HOST(cudaLaunchCooperativeKernel(reinterpret_cast<void*>(grid), dim3(4), dim3(64), arguments, 0,
                                             nullptr) == cudaSuccess);
  cudaDeviceSynchronize();
  cudaFree(values);
  return finish();
}
