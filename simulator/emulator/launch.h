// Launching a kernel on the emulator: what <<<...>>> becomes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "simulator/emulator/device_calls.h"

namespace attnlab::emulator {

// What the translator makes of a __shared__ variable: the variable, and room behind it that belongs to
// nobody, so that an access past its end is seen. Lives in the storage of the OS thread that runs the block.
template <class T, bool constructed = !std::is_trivially_default_constructible_v<T>>
struct SharedVariable {
  alignas(16) alignas(T) T value;  // 16: nvcc places arrays so that it may fuse their accesses
  unsigned char guard[64];
};
// A constructor does not run: nobody's turn would be the right one. On a GPU neither.
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

// Which kernel: its name as the source writes it, and the address of its code (null when a template's
// arguments are deduced at the launch; the emulator then finds it when the first thread runs).
struct KernelIdentity {
  const char* name;
  const void* address;
  const char* file;
  unsigned line;
};

// Runs body(arguments) once for every thread of the grid, on the calling thread and its workers, and returns
// when all have ended. The result is a cudaError_t (0: success): launches that a GPU would refuse are refused
// with the code that it would give, before anything runs. argument_bytes: at arguments; reading there is
// reading a kernel's parameters, which counts as nothing.
int launch(const LaunchShape& shape, const KernelIdentity& kernel, void (*body)(void*), void* arguments,
           std::size_t argument_bytes);

// What runs for a function: while nothing is counted, its copy without hooks, if it has one (translate/
// assembly.h); else itself.
const void* function_to_run(const void* function);
template <class Result, class... Parameters>
auto function_to_run(Result (*function)(Parameters...)) {
  return reinterpret_cast<Result (*)(Parameters...)>(
      const_cast<void*>(function_to_run(reinterpret_cast<const void*>(function))));
}

}  // namespace attnlab::emulator
