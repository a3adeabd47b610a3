#include "simulator/emulator/machine/gpu.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string_view>
#include <utility>

#include "reference/core/errors.h"
#include "simulator/emulator/cuda_headers/driver_types.h"
#include "simulator/emulator/machine/environment.h"
#include "simulator/emulator/machine/known_kernels.h"

namespace attnlab::emulator {
namespace {

// CUDA C++ Programming Guide, "Technical Specifications per Compute Capability": resident blocks; chapter on
// thread block clusters: from 9.0 on. NVIDIA's list of CUDA GPUs: which GPU has which capability.
struct Capability {
  std::string_view device;
  int major, minor;
  unsigned blocks_per_sm;
  bool clusters;
};
constexpr std::array<Capability, 6> kCapabilities{{
    {"a100-40gb", 8, 0, 32, false},
    {"a100-80gb", 8, 0, 32, false},
    {"rtx4090", 8, 9, 24, false},
    {"h100-sxm", 9, 0, 32, true},
    {"h200", 9, 0, 32, true},
    {"b200", 10, 0, 32, true},
}};

std::atomic<const Gpu*> chosen{nullptr};

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

std::string text(const Index3& i) { return fmt::format("({}, {}, {})", i.x, i.y, i.z); }

std::uint64_t volume(const Index3& i) { return std::uint64_t{i.x} * i.y * i.z; }

Refusal refused(api::cudaError error, std::string why) { return {error, std::move(why)}; }

Refusal check_dimensions(const LaunchShape& shape) {
  const Index3 &grid = shape.grid, &block = shape.block;
  const auto invalid = api::cudaErrorInvalidConfiguration;
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return refused(invalid, "an empty grid " + text(grid));
  if (block.x == 0 || block.y == 0 || block.z == 0) return refused(invalid, "an empty block " + text(block));
  if (block.x > kMaxBlock.x || block.y > kMaxBlock.y || block.z > kMaxBlock.z)
    return refused(invalid, fmt::format("block {}, at most {}", text(block), text(kMaxBlock)));
  if (volume(block) > kMaxThreadsPerBlock) {
    return refused(invalid,
                   fmt::format("{} threads per block, at most {}", volume(block), kMaxThreadsPerBlock));
  }
  if (grid.x > kMaxGrid.x || grid.y > kMaxGrid.y || grid.z > kMaxGrid.z)
    return refused(invalid, fmt::format("grid {}, at most {}", text(grid), text(kMaxGrid)));
  return {};
}

Refusal check_shared(const LaunchShape& shape, const void* address, const KernelInfo& kernel,
                     std::size_t static_bytes) {
  const std::size_t dynamic = shape.dynamic_shared_bytes, most = gpu().device.shared_bytes_per_block;
  const std::size_t unasked = kStaticSharedLimit - std::min(static_bytes, kStaticSharedLimit);
  const std::size_t allowed =
      (address != nullptr ? kernel.dynamic_shared_limit : largest_dynamic_limit()).value_or(unasked);
  if (static_bytes + dynamic > most) {
    return refused(api::cudaErrorInvalidValue, fmt::format("{} bytes of shared memory per block, {} has {}",
                                                           static_bytes + dynamic, gpu().device.name, most));
  }
  if (dynamic > allowed) {
    return refused(api::cudaErrorInvalidValue,
                   fmt::format("{} bytes of dynamic shared memory, {} without cudaFuncSetAttribute({})",
                               dynamic, allowed, "cudaFuncAttributeMaxDynamicSharedMemorySize"));
  }
  return {};
}

Refusal check_cluster(const LaunchShape& shape, const KernelInfo& kernel) {
  const std::uint64_t blocks = volume(shape.cluster);
  if (blocks == 1) return {};
  if (!gpu().clusters)
    return refused(api::cudaErrorInvalidConfiguration, gpu().device.name + " has no thread block clusters");
  const unsigned most = kernel.large_clusters ? 2 * kMaxClusterBlocks : kMaxClusterBlocks;
  if (blocks == 0 || blocks > most) {
    return refused(api::cudaErrorInvalidClusterSize,
                   fmt::format("clusters of {} blocks, at most {}", text(shape.cluster), most));
  }
  const Index3 &grid = shape.grid, &cluster = shape.cluster;
  if (grid.x % cluster.x != 0 || grid.y % cluster.y != 0 || grid.z % cluster.z != 0) {
    return refused(api::cudaErrorInvalidClusterSize,
                   fmt::format("a grid {} that clusters {} do not divide", text(grid), text(cluster)));
  }
  return {};
}

Refusal check_cooperative(const LaunchShape& shape, std::size_t static_bytes) {
  if (!shape.cooperative) return {};
  const auto threads = static_cast<unsigned>(volume(shape.block));
  const std::uint64_t room =
      std::uint64_t{resident_blocks(threads, static_bytes + shape.dynamic_shared_bytes)} * gpu().device.sms;
  if (volume(shape.grid) <= room) return {};
  return refused(
      api::cudaErrorCooperativeLaunchTooLarge,
      fmt::format("a cooperative grid of {} blocks, {} are resident at once", volume(shape.grid), room));
}

}  // namespace

Gpu find_gpu(const std::string& name_or_path) {
  Gpu gpu;
  gpu.device = device::load(name_or_path);
  const auto known = std::find_if(kCapabilities.begin(), kCapabilities.end(),
                                  [&](const Capability& c) { return c.device == gpu.device.name; });
  if (known == kCapabilities.end()) {
    std::string names;
    for (const Capability& c : kCapabilities) names += (names.empty() ? "" : ", ") + std::string(c.device);
    throw InvalidArgument("gpu", gpu.device.name, "a device whose compute capability is known: " + names);
  }
  gpu.major = known->major;
  gpu.minor = known->minor;
  gpu.blocks_per_sm = known->blocks_per_sm;
  gpu.clusters = known->clusters;
  return gpu;
}

const Gpu& gpu() {
  const Gpu* current = chosen.load(std::memory_order_acquire);
  if (current == nullptr) {
    try {
      choose_gpu(environment().gpu);
    } catch (const std::exception& error) {
      end_by_environment(("ATTNLAB_EMULATOR_GPU: " + std::string(error.what())).c_str());
    }
    current = chosen.load(std::memory_order_acquire);
  }
  return *current;
}

void choose_gpu(const std::string& name_or_path) {
  // Each stays where it is, since references to it are handed out; never destroyed, since a program may ask
  // while it ends.
  static std::mutex mutex;
  static auto& gpus = *new std::map<std::string, Gpu>;
  Gpu gpu = find_gpu(name_or_path);
  const std::lock_guard lock(mutex);
  chosen.store(&gpus.try_emplace(name_or_path, std::move(gpu)).first->second, std::memory_order_release);
}

// Allocation units: whole warps; shared memory in 128 bytes; registers in 256 a warp, each of the SM's four
// partitions with a quarter of the registers (CUDA Occupancy Calculator).
unsigned resident_blocks(const Gpu& gpu, unsigned threads, std::size_t shared_bytes, unsigned registers) {
  if (threads == 0 || threads > kMaxThreadsPerBlock) return 0;
  const std::uint64_t warps = (threads + kWarpSize - 1) / kWarpSize;
  const std::uint64_t shared = round_up(shared_bytes + kReservedSharedPerBlock, 128);
  std::uint64_t blocks = std::min<std::uint64_t>(gpu.blocks_per_sm, gpu.device.warps_per_sm / warps);
  blocks = std::min(blocks, gpu.device.shared_bytes_per_sm / shared);
  if (registers > 0) {
    const std::uint64_t per_warp = round_up(std::uint64_t{registers} * kWarpSize, 256);
    const std::uint64_t per_partition = gpu.device.register_bytes_per_sm / 4 / 4 / per_warp;
    blocks = std::min(blocks, 4 * per_partition / warps);
  }
  return static_cast<unsigned>(blocks);
}

unsigned resident_blocks(unsigned threads, std::size_t shared_bytes, unsigned registers) {
  return resident_blocks(gpu(), threads, shared_bytes, registers);
}

Refusal explain_launch(const LaunchShape& shape, const void* kernel, std::size_t static_shared_bytes) {
  if (Refusal r = check_dimensions(shape); r.error != 0) return r;
  const KernelInfo info = kernel_info(kernel);
  const std::uint64_t threads = volume(shape.block);
  if (info.max_threads_per_block > 0 && threads > static_cast<unsigned>(info.max_threads_per_block)) {
    return refused(api::cudaErrorInvalidValue,
                   fmt::format("{} threads per block, its __launch_bounds__ allow {}", threads,
                               info.max_threads_per_block));
  }
  if (Refusal r = check_shared(shape, kernel, info, static_shared_bytes); r.error != 0) return r;
  if (Refusal r = check_cluster(shape, info); r.error != 0) return r;
  return check_cooperative(shape, static_shared_bytes);
}

int check_launch(const LaunchShape& shape, const void* kernel, std::size_t static_shared_bytes) {
  return explain_launch(shape, kernel, static_shared_bytes).error;
}

}  // namespace attnlab::emulator
