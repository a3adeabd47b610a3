// Where the program's basic blocks begin, and those that leave no event of their own because an access comes
// first: as the translator wrote it down (translate/assembly.h).
#pragma once

#include <cstdint>
#include <unordered_map>
#include <unordered_set>

namespace attnlab::emulator {

// Code addresses, over the whole program.
struct BlockTable {
  std::unordered_set<std::uint32_t> begins;
  std::unordered_map<std::uint32_t, std::uint32_t> opened;  // by the access that tells of the block
};
const BlockTable& block_table();

}  // namespace attnlab::emulator
