// The part of the CUDA runtime API that is about kernels: launches through a pointer, attributes, occupancy.
// Included by cuda_runtime_api.h.
//
// A kernel given as a function pointer keeps its parameters' types, and arguments are unpacked by them. A
// kernel given as void* has lost them; it can be launched if describe_kernel() has been told of it, which the
// translator does for every kernel that is not a template.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include "simulator/emulator/cuda_headers/driver_types.h"
#include "simulator/emulator/launch.h"

// Not instrumented: accesses there are not the program's.
#if defined(__clang__)
#define ATTNLAB_LAUNCH_BARE __attribute__((no_sanitize("thread", "coverage")))
#else
#define ATTNLAB_LAUNCH_BARE __attribute__((no_sanitize("thread"), no_sanitize_coverage))
#endif

namespace attnlab::emulator::api_detail {

using namespace api;

// Runs a launch whose arguments lie behind an array of pointers.
using PackedLaunch = int (*)(const LaunchShape& shape, const KernelIdentity& kernel, void** arguments);

// A kernel may come as a function pointer or, its type forgotten, as void*.
inline const void* address_of(const void* kernel) { return kernel; }
template <class... P>
const void* address_of(void (*kernel)(P...)) {
  return reinterpret_cast<const void*>(kernel);
}

// Copies of a kernel's arguments, and the call that a thread makes with them, which is not instrumented. A
// struct of one's own, since std::get would be.
template <std::size_t i, class T>
struct Argument {
  T value;
};
template <class Indices, class... P>
struct Arguments;
template <std::size_t... i, class... P>
struct Arguments<std::index_sequence<i...>, P...> : Argument<i, std::decay_t<P>>... {
  void (*kernel)(P...);

  Arguments(void (*function)(P...), void** values)
      : Argument<i, std::decay_t<P>>{*static_cast<std::decay_t<P>*>(values[i])}..., kernel(function) {}
  ATTNLAB_LAUNCH_BARE static void run(void* all) {
    auto& self = *static_cast<Arguments*>(all);
    self.kernel(static_cast<Argument<i, std::decay_t<P>>&>(self).value...);
  }
};

template <class... P>
int launch_packed(const LaunchShape& shape, const KernelIdentity& identity, void** values) {
  const auto kernel = reinterpret_cast<void (*)(P...)>(const_cast<void*>(identity.address));
  Arguments<std::index_sequence_for<P...>, P...> all(kernel, values);
  return launch(shape, identity, &decltype(all)::run, &all, sizeof all);
}

void describe_kernel(const void* kernel, const char* name, int max_threads_per_block, PackedLaunch launch);

cudaError_t launch_kernel(const void* kernel, PackedLaunch launch, const cudaLaunchConfig_t& config,
                          void** arguments, const char* function);
cudaError_t launch_kernel(const void* kernel, PackedLaunch launch, dim3 grid, dim3 block, void** arguments,
                          std::size_t shared_bytes, bool cooperative, const char* function);

cudaError_t max_active_blocks(int* blocks, const void* kernel, int block_size, std::size_t shared_bytes);
cudaError_t max_potential_block_size(int* min_grid_size, int* block_size, const void* kernel,
                                     std::size_t (*shared_of)(void* context, int block_size), void* context,
                                     int limit);
cudaError_t available_shared(std::size_t* shared_bytes, const void* kernel, int blocks, int block_size);

}  // namespace attnlab::emulator::api_detail

namespace attnlab::emulator {

// What the emulator cannot see of a kernel from its address. max_threads_per_block: of its __launch_bounds__,
// 0 without.
template <class... P>
bool describe_kernel(void (*kernel)(P...), const char* name, int max_threads_per_block = 0) {
  api_detail::describe_kernel(api_detail::address_of(kernel), name, max_threads_per_block,
                              &api_detail::launch_packed<P...>);
  return true;
}

}  // namespace attnlab::emulator

namespace attnlab::emulator::api {

// --- launches ------------------------------------------------------------------------------------------
cudaError_t cudaLaunchKernel(const void* kernel, dim3 grid, dim3 block, void** arguments,
                             std::size_t shared_bytes = 0, cudaStream_t stream = nullptr);
cudaError_t cudaLaunchCooperativeKernel(const void* kernel, dim3 grid, dim3 block, void** arguments,
                                        std::size_t shared_bytes = 0, cudaStream_t stream = nullptr);
cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t* config, const void* kernel, void** arguments);

template <class... P>
cudaError_t cudaLaunchKernel(void (*kernel)(P...), dim3 grid, dim3 block, void** arguments,
                             std::size_t shared_bytes = 0, cudaStream_t = nullptr) {
  return api_detail::launch_kernel(api_detail::address_of(kernel), &api_detail::launch_packed<P...>, grid,
                                   block, arguments, shared_bytes, false, "cudaLaunchKernel");
}
template <class... P>
cudaError_t cudaLaunchCooperativeKernel(void (*kernel)(P...), dim3 grid, dim3 block, void** arguments,
                                        std::size_t shared_bytes = 0, cudaStream_t = nullptr) {
  return api_detail::launch_kernel(api_detail::address_of(kernel), &api_detail::launch_packed<P...>, grid,
                                   block, arguments, shared_bytes, true, "cudaLaunchCooperativeKernel");
}
template <class... P, class... A>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(P...), A&&... arguments) {
  static_assert(sizeof...(P) == sizeof...(A), "as many arguments as the kernel has parameters");
  if (config == nullptr) return cudaLaunchKernelExC(nullptr, api_detail::address_of(kernel), nullptr);
  return [&](std::decay_t<P>... values) {
    void* pointers[] = {static_cast<void*>(&values)..., nullptr};
    return api_detail::launch_kernel(api_detail::address_of(kernel), &api_detail::launch_packed<P...>,
                                     *config, pointers, "cudaLaunchKernelEx");
  }(std::forward<A>(arguments)...);
}

// --- attributes ----------------------------------------------------------------------------------------
cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value);
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* kernel);
cudaError_t cudaFuncSetCacheConfig(const void* kernel, cudaFuncCache config);  // no effect
cudaError_t cudaFuncSetSharedMemConfig(const void* kernel, cudaSharedMemConfig config);
cudaError_t cudaFuncGetName(const char** name, const void* kernel);

template <class... P>
cudaError_t cudaFuncSetAttribute(void (*kernel)(P...), cudaFuncAttribute attribute, int value) {
  return cudaFuncSetAttribute(api_detail::address_of(kernel), attribute, value);
}
template <class... P>
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, void (*kernel)(P...)) {
  return cudaFuncGetAttributes(attributes, api_detail::address_of(kernel));
}
template <class... P>
cudaError_t cudaFuncSetCacheConfig(void (*kernel)(P...), cudaFuncCache config) {
  return cudaFuncSetCacheConfig(api_detail::address_of(kernel), config);
}
template <class... P>
cudaError_t cudaFuncSetSharedMemConfig(void (*kernel)(P...), cudaSharedMemConfig config) {
  return cudaFuncSetSharedMemConfig(api_detail::address_of(kernel), config);
}
template <class... P>
cudaError_t cudaFuncGetName(const char** name, void (*kernel)(P...)) {
  return cudaFuncGetName(name, api_detail::address_of(kernel));
}

// --- occupancy -----------------------------------------------------------------------------------------
// From threads, warps and shared memory. A kernel's registers are not known here, so that a kernel with many
// has fewer blocks on a GPU.
template <class Kernel>
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, Kernel kernel, int block_size,
                                                          std::size_t shared_bytes) {
  return api_detail::max_active_blocks(blocks, api_detail::address_of(kernel), block_size, shared_bytes);
}
template <class Kernel>
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, Kernel kernel, int block_size,
                                                                   std::size_t shared_bytes, unsigned) {
  return api_detail::max_active_blocks(blocks, api_detail::address_of(kernel), block_size, shared_bytes);
}
template <class Kernel>
cudaError_t cudaOccupancyAvailableDynamicSMemPerBlock(std::size_t* shared_bytes, Kernel kernel, int blocks,
                                                      int block_size) {
  return api_detail::available_shared(shared_bytes, api_detail::address_of(kernel), blocks, block_size);
}

// The block size, a multiple of the warp's and at most limit (0: none), with the most threads on an SM; of
// equals the largest.
template <class Kernel, class SharedOf>
cudaError_t cudaOccupancyMaxPotentialBlockSizeVariableSMem(int* min_grid_size, int* block_size, Kernel kernel,
                                                           SharedOf shared_of, int limit = 0) {
  return api_detail::max_potential_block_size(
      min_grid_size, block_size, api_detail::address_of(kernel),
      [](void* context, int size) {
        return static_cast<std::size_t>((*static_cast<SharedOf*>(context))(size));
      },
      &shared_of, limit);
}
template <class Kernel>
cudaError_t cudaOccupancyMaxPotentialBlockSize(int* min_grid_size, int* block_size, Kernel kernel,
                                               std::size_t shared_bytes = 0, int limit = 0) {
  return cudaOccupancyMaxPotentialBlockSizeVariableSMem(
      min_grid_size, block_size, kernel, [shared_bytes](int) { return shared_bytes; }, limit);
}

}  // namespace attnlab::emulator::api
