// Which thread blocks touched which word of device memory in the current launch: eight bytes a word, in
// memory that the system provides as it is used.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

namespace attnlab::simt {

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

  // Such a read would find no conflict and change nothing: this block, or several, has read the word before,
  // and nobody has written it.
  bool read_before(std::uintptr_t address, std::uint64_t block, std::uint64_t epoch) const {
    if (words_ == nullptr) return true;
    const std::uint64_t was = words_[(address - begin_) / 4].load(std::memory_order_relaxed);
    const std::uint64_t now = (epoch & 0xffff) << 48;
    return was == (now | (block % blocks + 1)) || was == (now | several);
  }

 private:
  static constexpr std::uint64_t field = (1u << 24) - 1, several = field, by_atomic = field - 1,
                                 blocks = field - 2;
  RaceMap();
  std::uintptr_t begin_ = 0;
  std::atomic<std::uint64_t>* words_ = nullptr;  // epoch << 48 | writer << 24 | reader; block + 1, 0: none
};

}  // namespace attnlab::simt
