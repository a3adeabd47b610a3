// What the emulator's checks found in the kernels that a test ran.
#pragma once

#include <gtest/gtest.h>

#include "cuda/host/backend.h"
#include "simulator/emulator/runtime/session.h"

namespace attnlab::testing {

// Nothing: no race, no access out of bounds, no uninitialised read since the last call. On a GPU nobody
// looks.
inline void expect_no_findings(cuda::Backend backend) {
  if (backend != cuda::Backend::emulator) return;
  const emulator::Report report = emulator::take_report();
  const auto expect_none = [](const std::vector<emulator::Finding>& findings) {
    for (const emulator::Finding& f : findings) {
      ADD_FAILURE() << f.file << ":" << f.line << ": " << emulator::name(f.kind) << ": " << f.message;
    }
  };
  expect_none(report.findings);
  for (const emulator::KernelReport& kernel : report.kernels) expect_none(kernel.findings);
}

// Launches on the emulator take warps and lanes in the order of this seed, and blocks on so many OS threads.
inline void set_order(cuda::Backend backend, std::uint64_t seed, unsigned threads) {
  if (backend != cuda::Backend::emulator) return;
  emulator::options().seed = seed;
  emulator::options().threads = threads;
}

}  // namespace attnlab::testing
