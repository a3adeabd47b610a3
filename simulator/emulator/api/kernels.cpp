// Kernels by their addresses: launches through a pointer, attributes, occupancy.
#include <algorithm>

#include "simulator/emulator/api/errors.h"
#include "simulator/emulator/api/places.h"
#include "simulator/emulator/cuda_headers/cuda_runtime_api.h"
#include "simulator/emulator/machine/gpu.h"
#include "simulator/emulator/machine/known_kernels.h"
#include "simulator/emulator/runtime/names.h"

namespace attnlab::emulator {
namespace {

Index3 index3(const dim3& d) { return {d.x, d.y, d.z}; }

}  // namespace

namespace api {
namespace {

cudaError_t not_a_kernel(const char* function, const void* caller) {
  return refuse(cudaErrorInvalidDeviceFunction, function, caller, "not a kernel");
}

// Dynamic shared memory that a launch may have now, beside `fixed` bytes of static shared memory.
std::size_t dynamic_limit(const KernelInfo& info, std::size_t fixed) {
  const std::size_t left = kStaticSharedLimit - std::min(kStaticSharedLimit, fixed);
  return info.dynamic_shared_limit.value_or(left);
}

}  // namespace

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  const void* const caller = __builtin_return_address(0);
  if (const cudaError_t error = done(); error != cudaSuccess) return error;
  if (kernel == nullptr) return not_a_kernel("cudaFuncSetAttribute", caller);
  const auto bad = [&] {
    return refuse(cudaErrorInvalidValue, "cudaFuncSetAttribute", caller, "attribute %d: %d",
                  static_cast<int>(attribute), value);
  };
  switch (attribute) {
    case cudaFuncAttributeMaxDynamicSharedMemorySize: {
      const std::size_t most = gpu().device.shared_bytes_per_block;
      const std::size_t fixed = static_shared_bytes(kernel);
      if (value < 0 || fixed + static_cast<std::size_t>(value) > most) {
        return refuse(cudaErrorInvalidValue, "cudaFuncSetAttribute", caller,
                      "%d bytes of dynamic shared memory beside %zu static ones, %s has %zu per block", value,
                      fixed, gpu().device.name.c_str(), most);
      }
      change_kernel(kernel,
                    [&](KernelInfo& info) { info.dynamic_shared_limit = static_cast<std::size_t>(value); });
      return cudaSuccess;
    }
    case cudaFuncAttributePreferredSharedMemoryCarveout:
      if (value < -1 || value > 100) return bad();
      change_kernel(kernel, [&](KernelInfo& info) { info.carveout = value; });
      return cudaSuccess;
    case cudaFuncAttributeNonPortableClusterSizeAllowed:
      change_kernel(kernel, [&](KernelInfo& info) { info.large_clusters = value != 0; });
      return cudaSuccess;
    case cudaFuncAttributeRequiredClusterWidth:
    case cudaFuncAttributeRequiredClusterHeight:
    case cudaFuncAttributeRequiredClusterDepth:
      return refuse(cudaErrorNotSupported, "cudaFuncSetAttribute", caller, "a required cluster size");
    case cudaFuncAttributeClusterSchedulingPolicyPreference:
      if (value < 0 || value > cudaClusterSchedulingPolicyLoadBalancing) return bad();
      change_kernel(kernel, [&](KernelInfo& info) { info.cluster_policy = value; });
      return cudaSuccess;
    default:
      return bad();
  }
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* kernel) {
  const void* const caller = __builtin_return_address(0);
  if (const cudaError_t error = done(); error != cudaSuccess) return error;
  if (attributes == nullptr) return refuse(cudaErrorInvalidValue, "cudaFuncGetAttributes", caller, "null");
  if (kernel == nullptr) return not_a_kernel("cudaFuncGetAttributes", caller);
  const KernelInfo info = kernel_info(kernel);
  const std::size_t fixed = static_shared_bytes(kernel);
  cudaFuncAttributes a{};
  a.sharedSizeBytes = fixed;
  a.maxThreadsPerBlock =
      info.max_threads_per_block > 0 ? info.max_threads_per_block : static_cast<int>(kMaxThreadsPerBlock);
  a.ptxVersion = a.binaryVersion = 10 * gpu().major + gpu().minor;
  a.maxDynamicSharedSizeBytes = static_cast<int>(dynamic_limit(info, fixed));
  a.preferredShmemCarveout = info.carveout;
  a.clusterSchedulingPolicyPreference = info.cluster_policy;
  a.nonPortableClusterSizeAllowed = info.large_clusters ? 1 : 0;
  *attributes = a;
  return cudaSuccess;
}

cudaError_t cudaFuncSetCacheConfig(const void* kernel, cudaFuncCache) {
  return kernel == nullptr ? not_a_kernel("cudaFuncSetCacheConfig", __builtin_return_address(0)) : done();
}

cudaError_t cudaFuncSetSharedMemConfig(const void* kernel, cudaSharedMemConfig) {
  return kernel == nullptr ? not_a_kernel("cudaFuncSetSharedMemConfig", __builtin_return_address(0)) : done();
}

cudaError_t cudaFuncGetName(const char** name, const void* kernel) {
  const void* const caller = __builtin_return_address(0);
  if (name == nullptr) return refuse(cudaErrorInvalidValue, "cudaFuncGetName", caller, "null");
  const char* const described = described_name(kernel);
  if (described == nullptr) return not_a_kernel("cudaFuncGetName", caller);
  *name = described;
  return done();
}

cudaError_t cudaLaunchKernel(const void* kernel, dim3 grid, dim3 block, void** arguments,
                             std::size_t shared_bytes, cudaStream_t) {
  return api_detail::launch_kernel(kernel, kernel_info(kernel).launch, grid, block, arguments, shared_bytes,
                                   false, "cudaLaunchKernel");
}

cudaError_t cudaLaunchCooperativeKernel(const void* kernel, dim3 grid, dim3 block, void** arguments,
                                        std::size_t shared_bytes, cudaStream_t) {
  return api_detail::launch_kernel(kernel, kernel_info(kernel).launch, grid, block, arguments, shared_bytes,
                                   true, "cudaLaunchCooperativeKernel");
}

cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t* config, const void* kernel, void** arguments) {
  if (config == nullptr) {
    return refuse(cudaErrorInvalidConfiguration, "cudaLaunchKernelExC", __builtin_return_address(0),
                  "no configuration");
  }
  return api_detail::launch_kernel(kernel, kernel_info(kernel).launch, *config, arguments,
                                   "cudaLaunchKernelExC");
}

}  // namespace api

namespace api_detail {

void describe_kernel(const void* kernel, const char* name, int max_threads_per_block, PackedLaunch launch) {
  change_kernel(kernel, [&](KernelInfo& info) {
    info.name = name;
    info.max_threads_per_block = max_threads_per_block;
    info.launch = launch;
  });
}

namespace {

cudaError_t run(const void* kernel, PackedLaunch launch, const LaunchShape& shape, void** arguments,
                const char* function, const void* caller) {
  if (const cudaError_t error = api::done(); error != cudaSuccess) return error;
  if (kernel == nullptr) return api::not_a_kernel(function, caller);
  if (launch == nullptr) {
    return api::refuse(cudaErrorNotSupported, function, caller,
                       "a kernel whose parameters' types are lost in a void*; pass the function itself");
  }
  const KernelInfo info = kernel_info(kernel);
  const std::string name = info.name.empty() ? std::string("kernel") : info.name;
  const KernelIdentity identity{name.c_str(), kernel, "", 0};
  const int error = launch(shape, identity, arguments);
  set_last_error(error);
  return static_cast<cudaError_t>(error);
}

}  // namespace

cudaError_t launch_kernel(const void* kernel, PackedLaunch launch, dim3 grid, dim3 block, void** arguments,
                          std::size_t shared_bytes, bool cooperative, const char* function) {
  LaunchShape shape;
  shape.grid = index3(grid);
  shape.block = index3(block);
  shape.dynamic_shared_bytes = shared_bytes;
  shape.cooperative = cooperative;
  return run(kernel, launch, shape, arguments, function, __builtin_return_address(0));
}

cudaError_t launch_kernel(const void* kernel, PackedLaunch launch, const cudaLaunchConfig_t& config,
                          void** arguments, const char* function) {
  const void* const caller = __builtin_return_address(0);
  if (!api::is_stream(config.stream)) return api::refuse_stream(function, caller);
  LaunchShape shape;
  shape.grid = index3(config.gridDim);
  shape.block = index3(config.blockDim);
  shape.dynamic_shared_bytes = config.dynamicSmemBytes;
  for (unsigned i = 0; i < config.numAttrs; ++i) {
    const cudaLaunchAttribute& attribute = config.attrs[i];
    if (attribute.id == cudaLaunchAttributeCooperative) shape.cooperative = attribute.val.cooperative != 0;
    if (attribute.id == cudaLaunchAttributeClusterDimension)
      shape.cluster = {attribute.val.clusterDim.x, attribute.val.clusterDim.y, attribute.val.clusterDim.z};
  }
  return run(kernel, launch, shape, arguments, function, caller);
}

namespace {

// Blocks that need more shared memory than a launch would be granted do not run at all.
int blocks_of(const KernelInfo& info, std::size_t fixed, int block_size, std::size_t dynamic_bytes) {
  if (dynamic_bytes > api::dynamic_limit(info, fixed)) return 0;
  const std::size_t shared = fixed + dynamic_bytes;
  return static_cast<int>(resident_blocks(static_cast<unsigned>(block_size), shared));
}

}  // namespace

cudaError_t max_active_blocks(int* blocks, const void* kernel, int block_size, std::size_t shared_bytes) {
  const void* const caller = __builtin_return_address(0);
  const char* const function = "cudaOccupancyMaxActiveBlocksPerMultiprocessor";
  if (const cudaError_t error = api::done(); error != cudaSuccess) return error;
  if (kernel == nullptr) return api::not_a_kernel(function, caller);
  if (blocks == nullptr || block_size <= 0)
    return api::refuse(cudaErrorInvalidValue, function, caller, "a block of %d threads", block_size);
  *blocks = blocks_of(kernel_info(kernel), static_shared_bytes(kernel), block_size, shared_bytes);
  return cudaSuccess;
}

cudaError_t max_potential_block_size(int* min_grid_size, int* block_size, const void* kernel,
                                     std::size_t (*shared_of)(void* context, int block_size), void* context,
                                     int limit) {
  const void* const caller = __builtin_return_address(0);
  const char* const function = "cudaOccupancyMaxPotentialBlockSize";
  if (const cudaError_t error = api::done(); error != cudaSuccess) return error;
  if (kernel == nullptr) return api::not_a_kernel(function, caller);
  if (min_grid_size == nullptr || block_size == nullptr)
    return api::refuse(cudaErrorInvalidValue, function, caller, "the result's place is null");
  const KernelInfo info = kernel_info(kernel);
  const std::size_t fixed = static_shared_bytes(kernel);
  int most = static_cast<int>(kMaxThreadsPerBlock);
  if (info.max_threads_per_block > 0) most = std::min(most, info.max_threads_per_block);
  if (limit > 0) most = std::min(most, limit);
  const int warp = static_cast<int>(kWarpSize);
  int best_size = 0, best_blocks = 0;
  for (int rounded = (most + warp - 1) / warp * warp; rounded > 0; rounded -= warp) {
    const int size = std::min(rounded, most);
    const int blocks = blocks_of(info, fixed, size, shared_of(context, size));
    if (blocks * size > best_blocks * best_size) {
      best_size = size;
      best_blocks = blocks;
    }
  }
  *block_size = best_size;
  *min_grid_size = best_blocks * static_cast<int>(gpu().device.sms);
  return cudaSuccess;
}

cudaError_t available_shared(std::size_t* shared_bytes, const void* kernel, int blocks, int block_size) {
  const void* const caller = __builtin_return_address(0);
  const char* const function = "cudaOccupancyAvailableDynamicSMemPerBlock";
  if (shared_bytes == nullptr || blocks <= 0 || block_size <= 0) {
    return api::refuse(cudaErrorInvalidValue, function, caller, "%d blocks of %d threads", blocks,
                       block_size);
  }
  if (kernel == nullptr) return api::not_a_kernel(function, caller);
  const std::size_t fixed = static_shared_bytes(kernel);
  const device::Device& device = gpu().device;
  // As CUDA answers: the kilobyte that the system keeps of every block is not taken off.
  const std::size_t share = device.shared_bytes_per_sm / static_cast<std::size_t>(blocks) / 128 * 128;
  const std::size_t most = std::min<std::size_t>(share, device.shared_bytes_per_block);
  *shared_bytes = most - std::min(most, fixed);
  return api::done();
}

}  // namespace api_detail
}  // namespace attnlab::emulator
