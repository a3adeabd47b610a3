#include "simulator/emulator/machine/known_kernels.h"

#include <algorithm>
#include <map>
#include <mutex>

namespace attnlab::emulator {
namespace {

struct Registry {
  std::mutex mutex;
  std::map<const void*, KernelInfo> kernels;  // its nodes stay where they are
};

// Filled by static objects of the program, in no particular order, and read until it ends.
Registry& registry() {
  static Registry& registry = *new Registry;
  return registry;
}

}  // namespace

KernelInfo kernel_info(const void* kernel) {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  const auto found = all.kernels.find(kernel);
  return found == all.kernels.end() ? KernelInfo{} : found->second;
}

void change_kernel(const void* kernel, const std::function<void(KernelInfo&)>& change) {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  change(all.kernels[kernel]);
}

const char* described_name(const void* kernel) {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  const auto found = all.kernels.find(kernel);
  return found == all.kernels.end() || found->second.name.empty() ? nullptr : found->second.name.c_str();
}

std::optional<std::size_t> largest_dynamic_limit() {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  std::optional<std::size_t> largest;
  for (const auto& [kernel, info] : all.kernels) largest = std::max(largest, info.dynamic_shared_limit);
  return largest;
}

}  // namespace attnlab::emulator
