// Which thread blocks touched which word of device memory in the current launch. Needs eight bytes per word,
// in memory that the system provides as it is used.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

namespace attnlab::emulator {

class RaceMap {
 public:
  enum class Access { read, write, atomic };
  struct Conflict {
    bool any = false;
    bool written = false;                // by the other side
    std::optional<std::uint64_t> block;  // the other one; none: several
  };

  static RaceMap& instance();

  // Block `block` touches the 4-byte word at address (in the device's memory). epoch tells launches apart;
  // what stands there from another one is forgotten. Two workers that touch one word at the same instant may
  // miss each other; a conflict that is reported is one.
  Conflict touch(std::uintptr_t address, Access access, std::uint64_t block, std::uint64_t epoch);

  // Reads of all words of [first, past) by a block. False where something else than reads went before: then
  // touch() has to look at each, and may look again at what was entered here.
  bool read(std::uintptr_t first, std::uintptr_t past, std::uint64_t block, std::uint64_t epoch) {
    if (words_ == nullptr) return true;
    const std::uint64_t now = (epoch & 0xffff) << 48, mine = now | (block % kBlocks + 1),
                        shared = now | kSeveral;
    for (std::uintptr_t word = (first - begin_) / 4, end = (past - begin_ + 3) / 4; word < end; ++word) {
      const std::uint64_t was = words_[word].load(std::memory_order_relaxed);
      if (was == mine || was == shared) continue;
      const bool old = was >> 48 != now >> 48;
      if (!old && (was >> 24 & kField) != 0) return false;  // written
      words_[word].store(old || (was & kField) == 0 ? mine : shared, std::memory_order_relaxed);
    }
    return true;
  }

 private:
  static constexpr std::uint64_t kField = (1u << 24) - 1, kSeveral = kField, kByAtomic = kField - 1,
                                 kBlocks = kField - 2;
  RaceMap();
  std::uintptr_t begin_ = 0;
  std::atomic<std::uint64_t>* words_ = nullptr;  // epoch << 48 | writer << 24 | reader; block + 1, 0: none
};

}  // namespace attnlab::emulator
