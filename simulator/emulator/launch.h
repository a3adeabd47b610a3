// How a kernel is launched on the emulator. The translator turns kernel<<<grid, block>>>(arguments) into a
// call of launch(); the runtime API calls it for cudaLaunchKernel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "simulator/emulator/device_calls.h"

namespace attnlab::emulator {

// The translator makes this of a __shared__ variable: the variable, and behind it a guard that nobody may
// touch, so that an access past the end is seen. It lives in the storage of the OS thread that runs the
// block.
template <class T, bool constructed = !std::is_trivially_default_constructible_v<T>>
struct SharedVariable {
  alignas(16) alignas(T) T value;  // 16: nvcc places arrays so that it may fuse their accesses
  unsigned char guard[64];
};
// A constructor does not run, as on a GPU: no thread would be the right one to run it.
template <class T>
struct SharedVariable<T, true> {
  alignas(16) alignas(T) unsigned char value[sizeof(T)];
  unsigned char guard[64];
};

struct LaunchShape {
  Index3 grid{1, 1, 1}, block{1, 1, 1};
  std::size_t dynamic_shared_bytes = 0;
  bool cooperative = false;
  Index3 cluster{1, 1, 1};
};

// Which kernel: its name as the source writes it, and the address of its code. The address is null when a
// template's arguments are deduced at the launch.
struct KernelIdentity {
  const char* name;
  const void* address;
  const char* file;
  unsigned line;
};

// Runs body(arguments) once per thread of the grid, on the calling thread and on workers, and returns when
// all have ended. Returns a cudaError_t (0: success). A launch that a GPU would refuse is refused before
// anything runs, with the same code. argument_bytes: the size of *arguments. Reads of those bytes are reads
// of kernel parameters and are not counted.
int launch(const LaunchShape& shape, const KernelIdentity& kernel, void (*body)(void*), void* arguments,
           std::size_t argument_bytes);

// The code to run for a function: its copy without hooks (translate/assembly.h) if nothing is counted and
// there is one, else the function itself.
const void* function_to_run(const void* function);
template <class Result, class... Parameters>
auto function_to_run(Result (*function)(Parameters...)) {
  return reinterpret_cast<Result (*)(Parameters...)>(
      const_cast<void*>(function_to_run(reinterpret_cast<const void*>(function))));
}

}  // namespace attnlab::emulator
