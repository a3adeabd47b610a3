#include "simulator/simt/runtime/opened_blocks.h"

namespace {

struct OpenedBlock {
  std::uint32_t access, block;
};

}  // namespace

// The section's bounds, which the linker defines where there is one.
extern "C" {
[[gnu::weak, gnu::visibility("hidden")]] extern const OpenedBlock __start_attnlab_blocks[];
[[gnu::weak, gnu::visibility("hidden")]] extern const OpenedBlock __stop_attnlab_blocks[];
}

namespace attnlab::simt {

const std::unordered_map<std::uint32_t, std::uint32_t>& opened_blocks() {
  static const auto all = [] {
    std::unordered_map<std::uint32_t, std::uint32_t> map;
    for (const OpenedBlock* entry = __start_attnlab_blocks; entry != __stop_attnlab_blocks; ++entry)
      map.emplace(entry->access, entry->block);
    return map;
  }();
  return all;
}

}  // namespace attnlab::simt
