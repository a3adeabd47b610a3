#include "simulator/emulator/runtime/race_map.h"

#include <sys/mman.h>

#include "simulator/emulator/machine/global_memory.h"

namespace attnlab::emulator {

RaceMap& RaceMap::instance() {
  static RaceMap map;
  return map;
}

RaceMap::RaceMap() : begin_(global_memory::detail::arena.begin) {
  const std::size_t bytes = global_memory::detail::arena.bytes * 2;
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at != MAP_FAILED) words_ = static_cast<std::atomic<std::uint64_t>*>(at);
}

RaceMap::Conflict RaceMap::touch(std::uintptr_t address, Access access, std::uint64_t block,
                                 std::uint64_t epoch) {
  if (words_ == nullptr) return {};
  std::atomic<std::uint64_t>& word = words_[(address - begin_) / 4];
  const std::uint64_t me = block % kBlocks + 1, now = epoch & 0xffff;
  const std::uint64_t was = word.load(std::memory_order_relaxed);
  std::uint64_t writer = 0, reader = 0;
  if (was >> 48 == now) {
    writer = was >> 24 & kField;
    reader = was & kField;
  }
  Conflict conflict;
  const auto other = [&](std::uint64_t who) { return who != 0 && who != me && who != kByAtomic; };
  const auto named = [](std::uint64_t who) {
    return who == kSeveral ? std::nullopt : std::optional<std::uint64_t>(who - 1);
  };
  if (access != Access::atomic || writer != kByAtomic) {
    if (other(writer)) conflict = {true, true, named(writer)};
    if (access != Access::read && other(reader)) conflict = {true, false, named(reader)};
  }
  if (access == Access::read)
    reader = reader == 0 || reader == me ? me : kSeveral;
  else
    writer = access == Access::atomic ? kByAtomic : me;
  const std::uint64_t becomes = now << 48 | writer << 24 | reader;
  if (becomes != was) word.store(becomes, std::memory_order_relaxed);
  return conflict;
}

}  // namespace attnlab::emulator
