// What a backend, the GPU or the emulator, gives to the common part of the library: memory and
// copies. (Kernels are launched by their rows, kernel.h.) backend.cu implements it, compiled once for each.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cuda/host/kernel.h"

namespace attnlab::cuda {

enum class Backend { emulator, gpu };

const char* name(Backend backend);

// Those that this program can use now: compiled in, and a device present.
std::vector<Backend> backends();

// Every function throws CudaError naming the failed call.
struct BackendFunctions {
  bool (*present)();
  std::string (*device_name)();
  DeviceLimits (*limits)();
  void* (*allocate)(std::size_t bytes);
  void (*release)(void*) noexcept;
  void (*copy_in)(void* device, const void* host, std::size_t bytes);
  void (*copy_out)(void* host, const void* device, std::size_t bytes);
  void (*fill)(void* device, int byte, std::size_t bytes);
  void (*synchronize)();  // waits; reports what went wrong in the kernels before
  void (*golden)(const GoldenParams&, void* stream);
};

// Throws InvalidArgument when the backend is not compiled in.
const BackendFunctions& functions(Backend backend);

// What the backend's device has to give. Throws as functions().
inline DeviceLimits device_limits(Backend backend) { return functions(backend).limits(); }

}  // namespace attnlab::cuda
