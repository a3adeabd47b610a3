#include "simulator/emulator/runtime/block_table.h"

namespace {

struct Entry {
  std::uint32_t access, block;  // 0: the block has an event of its own
};

}  // namespace

// The section's bounds, which the linker defines where there is one.
extern "C" {
[[gnu::weak, gnu::visibility("hidden")]] extern const Entry __start_attnlab_blocks[];
[[gnu::weak, gnu::visibility("hidden")]] extern const Entry __stop_attnlab_blocks[];
}

namespace attnlab::emulator {

const BlockTable& block_table() {
  static const auto* const all = [] {
    auto* table = new BlockTable;  // for ever: reports are written when statics are gone
    for (const Entry* entry = __start_attnlab_blocks; entry != __stop_attnlab_blocks; ++entry) {
      table->begins.insert(entry->block);
      if (entry->access != 0) table->opened.emplace(entry->access, entry->block);
    }
    return table;
  }();
  return *all;
}

}  // namespace attnlab::emulator
