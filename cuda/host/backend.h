// What a backend, the GPU or the emulator, gives to the common part of the library: memory, copies and one
// launcher a kernel. backend.cu implements it, compiled once for each.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "cuda/host/params.h"

namespace attnlab::cuda {

enum class Backend { emulator, gpu };

const char* name(Backend backend);

// Those that this program can use now: compiled in, and a device present.
std::vector<Backend> backends();

// stream: a cudaStream_t, null for the default stream. Launches are asynchronous; throws CudaError.
template <class Params>
struct Launcher {
  const char* kernel;  // the registry's name
  void (*launch)(const Params&, void* stream);
};

// Every function throws CudaError naming the failed call.
struct BackendFunctions {
  bool (*present)();
  std::string (*device_name)();
  std::size_t (*shared_bytes_a_block)();  // the most that a block may ask for
  void* (*allocate)(std::size_t bytes);
  void (*release)(void*) noexcept;
  void (*copy_in)(void* device, const void* host, std::size_t bytes);
  void (*copy_out)(void* host, const void* device, std::size_t bytes);
  void (*fill)(void* device, int byte, std::size_t bytes);
  void (*synchronize)();  // waits; reports what went wrong in the kernels before
  std::span<const Launcher<SoftmaxParams>> softmax;
  std::span<const Launcher<AttentionParams>> forward;
  std::span<const Launcher<BackwardParams>> backward;
  void (*golden)(const GoldenParams&, void* stream);
};

// Throws InvalidArgument when the backend is not compiled in.
const BackendFunctions& functions(Backend backend);

}  // namespace attnlab::cuda
