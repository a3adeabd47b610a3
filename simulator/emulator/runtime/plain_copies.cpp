// Functions without hooks: see function_to_run() in launch.h.
#include <cstdint>
#include <unordered_map>

#include "simulator/emulator/launch.h"
#include "simulator/emulator/runtime/session.h"

namespace {

// As translate/assembly.h writes them.
struct PlainCopy {
  const void *function, *copy;
};

}  // namespace

// The section's bounds, which the linker defines where there is one.
extern "C" {
[[gnu::weak, gnu::visibility("hidden")]] extern const PlainCopy __start_attnlab_plain[];
[[gnu::weak, gnu::visibility("hidden")]] extern const PlainCopy __stop_attnlab_plain[];
}

namespace attnlab::emulator {

const void* function_to_run(const void* function) {
  if (options().counting) return function;
  static const auto copies = [] {
    std::unordered_map<const void*, const void*> map;
    for (const PlainCopy* entry = __start_attnlab_plain; entry != __stop_attnlab_plain; ++entry)
      map.emplace(entry->function, entry->copy);
    return map;
  }();
  const auto at = copies.find(function);
  return at == copies.end() ? function : at->second;
}

}  // namespace attnlab::emulator
