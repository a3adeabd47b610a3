// Does each GPU bring its own limits: capacity, resident blocks, launches that it refuses?
#include "simulator/emulator/machine/gpu.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "reference/core/errors.h"
#include "simulator/emulator/api/errors.h"
#include "simulator/emulator/cuda_headers/cuda_runtime_api.h"
#include "simulator/emulator/machine/global_memory.h"

namespace {

using namespace attnlab::emulator;
using testing::HasSubstr;
using testing::IsEmpty;

void kernel(float*) {}
const void* const kKernel = reinterpret_cast<const void*>(&kernel);
void other_kernel(float*) {}

LaunchShape shape(Index3 grid, Index3 block, std::size_t shared = 0) {
  LaunchShape shape;
  shape.grid = grid;
  shape.block = block;
  shape.dynamic_shared_bytes = shared;
  return shape;
}

class ChosenGpu : public testing::Test {
 protected:
  ~ChosenGpu() override { choose_gpu("h200"); }
};

TEST(FindGpu, KnowsEveryDeviceThatShips) {
  for (const attnlab::device::Device& device : attnlab::device::list()) {
    const Gpu gpu = find_gpu(device.name);
    EXPECT_EQ(gpu.device.name, device.name);
    EXPECT_GE(gpu.major, 8);
    EXPECT_EQ(gpu.clusters, gpu.major >= 9);
    EXPECT_EQ(resident_blocks(gpu, 32, 0), gpu.blocks_per_sm);
  }
}

TEST(FindGpu, RefusesByName) { EXPECT_THROW(find_gpu("voodoo2"), attnlab::InvalidArgument); }

using EnvironmentDeathTest = ChosenGpu;

TEST_F(EnvironmentDeathTest, NamesTheGpu) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto chosen = [](const char* name) {
    setenv("ATTNLAB_EMULATOR_GPU", name, 1);
    std::fprintf(stderr, "it is %s", gpu().device.name.c_str());
    std::exit(0);
  };
  EXPECT_EXIT(chosen("rtx4090"), testing::ExitedWithCode(0), "it is rtx4090");
  EXPECT_EXIT(chosen(""), testing::ExitedWithCode(0), "it is h200");
  EXPECT_EXIT(chosen("voodoo2"), testing::ExitedWithCode(2), "attnlab: ATTNLAB_EMULATOR_GPU: .*voodoo2");
}

TEST(ResidentBlocks, FollowTheScarcestResource) {
  const Gpu h200 = find_gpu("h200"), rtx4090 = find_gpu("rtx4090"), a100 = find_gpu("a100");
  EXPECT_EQ(resident_blocks(h200, 1, 0), 32u);
  EXPECT_EQ(resident_blocks(rtx4090, 1, 0), 24u);
  EXPECT_EQ(resident_blocks(a100, 1024, 0), 2u);
  EXPECT_EQ(resident_blocks(rtx4090, 1024, 0), 1u) << "1536 threads per SM";
  EXPECT_EQ(resident_blocks(rtx4090, 768, 0), 2u);
  // 100 KB an SM, of which each block keeps one more.
  EXPECT_EQ(resident_blocks(rtx4090, 32, 49 * 1024), 2u);
  EXPECT_EQ(resident_blocks(rtx4090, 32, 49 * 1024 + 1), 1u);
  EXPECT_EQ(resident_blocks(rtx4090, 32, 99 * 1024), 1u);
  EXPECT_EQ(resident_blocks(rtx4090, 32, 99 * 1024 + 1), 0u);
  EXPECT_EQ(resident_blocks(h200, 0, 0), 0u);
  EXPECT_EQ(resident_blocks(h200, 1025, 0), 0u);
  EXPECT_EQ(resident_blocks(h200, 256, 0, 32), 8u);
  EXPECT_EQ(resident_blocks(h200, 256, 0, 255), 1u);
  EXPECT_EQ(resident_blocks(h200, 64, 0, 33), 24u) << "33 registers take the room of 40";
  EXPECT_EQ(resident_blocks(h200, 64, 0, 40), 24u);
  EXPECT_EQ(resident_blocks(h200, 1024, 0, 128), 0u);
}

TEST_F(ChosenGpu, HasTheCapacityOfTheDevice) {
  for (const char* name : {"a100-40gb", "a100-80gb", "rtx4090", "h100-sxm", "h200"}) {
    choose_gpu(name);
    const std::size_t all = gpu().device.hbm_bytes;
    std::size_t free = 0, total = 0;
    ASSERT_EQ(cudaMemGetInfo(&free, &total), cudaSuccess);
    EXPECT_EQ(total, all) << name;
    EXPECT_EQ(free, all);
    if (global_memory::reserved_bytes() < all + all / 4) continue;  // a limit on this process's addresses
    void *most = nullptr, *more = nullptr;
    EXPECT_EQ(cudaMalloc(&more, all + 1), cudaErrorMemoryAllocation);
    ASSERT_EQ(cudaMalloc(&most, all - 1000), cudaSuccess) << name;
    EXPECT_EQ(cudaMalloc(&more, 1001), cudaErrorMemoryAllocation);
    EXPECT_EQ(cudaMalloc(&more, 1000), cudaSuccess);
    ASSERT_EQ(cudaMemGetInfo(&free, &total), cudaSuccess);
    EXPECT_EQ(free, 0u);
    EXPECT_EQ(cudaFree(most), cudaSuccess);
    EXPECT_EQ(cudaFree(more), cudaSuccess);
  }
  api::forget_errors();
}

TEST_F(ChosenGpu, GivesItsProperties) {
  choose_gpu("rtx4090");
  cudaDeviceProp p{};
  ASSERT_EQ(cudaGetDeviceProperties(&p, 0), cudaSuccess);
  EXPECT_STREQ(p.name, "rtx4090 (emulated by attnlab)");
  EXPECT_EQ(10 * p.major + p.minor, 89);
  EXPECT_EQ(p.multiProcessorCount, 128);
  EXPECT_EQ(p.maxBlocksPerMultiProcessor, 24);
  EXPECT_EQ(p.maxThreadsPerMultiProcessor, 1536);
  EXPECT_EQ(p.sharedMemPerBlockOptin, 101376u);
  EXPECT_EQ(p.clusterLaunch, 0);
  int value = 0;
  EXPECT_EQ(cudaDeviceGetAttribute(&value, cudaDevAttrL2CacheSize, 0), cudaSuccess);
  EXPECT_EQ(value, p.l2CacheSize);
}

TEST_F(ChosenGpu, RefusesLaunchesWithItsOwnLimits) {
  const auto ask = [&](std::size_t bytes) {
    return cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes));
  };
  choose_gpu("h200");
  EXPECT_EQ(ask(160 * 1024), cudaSuccess);
  EXPECT_EQ(check_launch(shape({1, 1, 1}, {32, 1, 1}, 160 * 1024), kKernel, 0), cudaSuccess);
  choose_gpu("rtx4090");
  EXPECT_EQ(check_launch(shape({1, 1, 1}, {32, 1, 1}, 160 * 1024), kKernel, 0), cudaErrorInvalidValue);
  EXPECT_EQ(ask(160 * 1024), cudaErrorInvalidValue);
  LaunchShape clusters = shape({4, 1, 1}, {32, 1, 1});
  clusters.cluster = {2, 1, 1};
  EXPECT_NE(check_launch(clusters, kKernel, 0), cudaSuccess);
  choose_gpu("h200");
  EXPECT_EQ(check_launch(clusters, kKernel, 0), cudaSuccess);
  LaunchShape cooperative = shape({132 * 2, 1, 1}, {1024, 1, 1});
  cooperative.cooperative = true;
  EXPECT_EQ(check_launch(cooperative, kKernel, 0), cudaSuccess);
  choose_gpu("a100");
  EXPECT_EQ(check_launch(cooperative, kKernel, 0), cudaErrorCooperativeLaunchTooLarge);
  choose_gpu("h200");
  cooperative = shape({132 * 32, 1, 1}, {32, 1, 1});
  cooperative.cooperative = true;
  EXPECT_EQ(check_launch(cooperative, kKernel, 0), cudaSuccess);
  cooperative.grid.x += 1;
  EXPECT_EQ(check_launch(cooperative, kKernel, 0), cudaErrorCooperativeLaunchTooLarge);
  ask(0);
  api::forget_errors();
}

TEST_F(ChosenGpu, SaysWhyItRefuses) {
  const auto why = [](const LaunchShape& shape, std::size_t shared = 0) {
    return explain_launch(shape, reinterpret_cast<const void*>(&other_kernel), shared).why;
  };
  EXPECT_THAT(why(shape({1, 1, 1}, {32, 1, 1})), IsEmpty());
  EXPECT_THAT(why(shape({1, 1, 1}, {64, 32, 1})), HasSubstr("2048 threads per block, at most 1024"));
  EXPECT_THAT(why(shape({1, 0, 1}, {64, 1, 1})), HasSubstr("empty grid (1, 0, 1)"));
  EXPECT_THAT(why(shape({1, 65536, 1}, {64, 1, 1})), HasSubstr("grid (1, 65536, 1)"));
  EXPECT_THAT(why(shape({1, 1, 1}, {32, 1, 1}, 50'000)), HasSubstr("cudaFuncSetAttribute"));
  EXPECT_THAT(why(shape({1, 1, 1}, {32, 1, 1}, 40'000), 9153),
              HasSubstr("39999 without cudaFuncSetAttribute"));
  EXPECT_THAT(why(shape({1, 1, 1}, {32, 1, 1}, 300'000)), HasSubstr("h200 has 232448"));
}

// A kernel template's address is not known where its arguments are deduced from the launch's.
TEST_F(ChosenGpu, AllowsAKernelOfUnknownAddressWhatAnyKernelWasAllowed) {
  const LaunchShape big = shape({1, 1, 1}, {32, 1, 1}, 100'000);
  EXPECT_EQ(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, 100'000), cudaSuccess);
  EXPECT_EQ(check_launch(big, nullptr, 0), cudaSuccess);
  EXPECT_EQ(check_launch(big, reinterpret_cast<const void*>(&other_kernel), 0), cudaErrorInvalidValue);
  EXPECT_EQ(check_launch(shape({1, 1, 1}, {32, 1, 1}, 100'001), nullptr, 0), cudaErrorInvalidValue);
  cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, 0);
}

}  // namespace
