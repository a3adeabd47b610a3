// What the host's entry points check before they allocate anything, and the choice of a kernel.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "cuda/host/backend.h"
#include "cuda/host/registry.h"
#include "reference/core/errors.h"
#include "reference/core/shape.h"

namespace attnlab::cuda {

inline constexpr Index kMaxGrid = 65535;  // of a grid's y and z

inline void require_at_most(const char* argument, Index value, Index limit) {
  if (value > limit) {
    throw InvalidArgument(argument, std::to_string(value), "at most " + std::to_string(limit));
  }
}

inline void require_pointer(const char* argument, const void* data) {
  if (data == nullptr) throw InvalidArgument(argument, "null", "a device pointer");
}

inline std::string a_kernel_of(Pass pass) {
  return pass == Pass::softmax   ? "a softmax kernel"
         : pass == Pass::forward ? "a kernel of the forward pass"
         : pass == Pass::decode  ? "a decode kernel"
                                 : "a kernel of the backward pass";
}

// Calls the kernel's launcher. Throws InvalidArgument when it is launched with other parameters, being of
// another pass, or not compiled for this backend.
template <class Params>
void launch(Backend backend, const Kernel& kernel, Pass pass, const Params& params, void* stream) {
  const auto* launchers = std::get_if<Launchers<Params>>(&kernel.launchers);
  if (kernel.pass != pass || launchers == nullptr) {
    throw InvalidArgument("kernel", kernel.name, a_kernel_of(pass));
  }
  const auto start = backend == Backend::gpu ? launchers->gpu : launchers->emulator;
  if (start == nullptr)
    throw InvalidArgument("backend", name(backend), "one that this program was built with");
  start(params, stream);
}

// The kernel of this name, or the fittest where the name is empty. Throws InvalidArgument when it does not do
// what is needed.
inline const Kernel& chosen_kernel(Backend backend, std::string_view name, Pass pass, const Need& need) {
  const DeviceLimits limits = device_limits(backend);
  if (name.empty()) return fittest_kernel(kernels(), pass, need, limits);
  const Kernel& kernel = find_kernel(name);
  if (kernel.pass != pass) throw InvalidArgument("kernel", kernel.name, a_kernel_of(pass));
  require(kernel, need, limits);
  return kernel;
}

}  // namespace attnlab::cuda
