// What is known of kernels by their addresses: what the translator described, and what cudaFuncSetAttribute
// asked for.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "simulator/emulator/launch.h"

namespace attnlab::emulator {

struct KernelInfo {
  std::string name;                                 // empty: not described
  int max_threads_per_block = 0;                    // of __launch_bounds__; 0 without
  std::optional<std::size_t> dynamic_shared_limit;  // what cudaFuncSetAttribute allowed
  int carveout = -1;                                // percent of the SM's memory to be shared; -1: no wish
  bool large_clusters = false;                      // more than 8 blocks per cluster are allowed
  int cluster_policy = 0;
  // Launches it with arguments that lie behind an array of pointers; null: not described.
  int (*launch)(const LaunchShape& shape, const KernelIdentity& kernel, void** arguments) = nullptr;
};

// By value: another thread may change it. An unknown kernel has the defaults.
KernelInfo kernel_info(const void* kernel);

// Changes what is known of a kernel, known before or not.
void change_kernel(const void* kernel, const std::function<void(KernelInfo&)>& change);

// The name that the translator gave, valid until the program ends; null: not described.
const char* described_name(const void* kernel);

// The most dynamic shared memory that cudaFuncSetAttribute allowed any kernel; nothing if it was never
// called. For a launch of which not even the address is known.
std::optional<std::size_t> largest_dynamic_limit();

}  // namespace attnlab::emulator
