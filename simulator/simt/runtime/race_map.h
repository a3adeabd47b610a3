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

 private:
  RaceMap();
  std::uintptr_t begin_ = 0;
  std::atomic<std::uint64_t>* words_ = nullptr;  // epoch << 48 | writer << 24 | reader; block + 1, 0: none
};

}  // namespace attnlab::simt
