// What is known of kernels by their addresses: what the translator described, and what cudaFuncSetAttribute
// asked for.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "simulator/emulator/cuda_headers/cuda_runtime_api.h"

namespace attnlab::emulator {

struct KernelInfo {
  std::string name;                                 // empty: not described
  std::size_t static_shared_bytes = 0;              // of its __shared__ variables
  int max_threads_per_block = 0;                    // of __launch_bounds__; 0 without
  std::optional<std::size_t> dynamic_shared_limit;  // what cudaFuncSetAttribute allowed
  int carveout = -1;                                // percent of the SM's memory to be shared; -1: no wish
  bool large_clusters = false;                      // more than 8 blocks a cluster are allowed
  Index3 required_cluster{0, 0, 0};
  bool cluster_required = false;
  int cluster_policy = 0;
  api_detail::PackedLaunch launch = nullptr;
};

// By value: another thread may change it. An unknown kernel has the defaults.
KernelInfo kernel_info(const void* kernel);

// The most dynamic shared memory that cudaFuncSetAttribute allowed any kernel; nothing if it was never
// called. For a launch of which not even the address is known.
std::optional<std::size_t> largest_dynamic_limit();

// Who knows the size of a kernel's __shared__ variables: the runtime, from the program's symbols. Null: they
// count as 0.
using StaticSharedSource = std::size_t (*)(const void* kernel);
void set_static_shared_source(StaticSharedSource source);

}  // namespace attnlab::emulator
