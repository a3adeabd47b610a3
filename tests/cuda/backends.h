// What the tests of the kernels loop over: the backends that are there, and the registry's rungs of a pass.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cuda/host/backend.h"
#include "cuda/host/registry.h"

namespace attnlab::testing {

inline std::vector<const cuda::Kernel*> kernels_of(cuda::Pass pass) {
  std::vector<const cuda::Kernel*> all;
  for (const cuda::Kernel& kernel : cuda::kernels()) {
    if (kernel.pass == pass) all.push_back(&kernel);
  }
  return all;
}

// A rung on a backend: the parameter of most tests.
struct Runner {
  cuda::Backend backend;
  const cuda::Kernel* kernel;
};
inline std::vector<Runner> runners(cuda::Pass pass) {
  std::vector<Runner> all;
  for (const cuda::Backend backend : cuda::backends()) {
    for (const cuda::Kernel* kernel : kernels_of(pass)) all.push_back({backend, kernel});
  }
  return all;
}

// "emulator_flash2_04", for INSTANTIATE_TEST_SUITE_P.
inline std::string name_of(const Runner& runner) {
  std::string name = std::string(cuda::name(runner.backend)) + "_" + runner.kernel->name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}
inline void PrintTo(const Runner& runner, std::ostream* os) { *os << name_of(runner); }

}  // namespace attnlab::testing
