// Basic blocks that leave no event of their own: those in which an access comes first. Where the translator
// took out the block's hook (translate/assembly.h), a table of the program says which access tells of it.
#pragma once

#include <cstdint>
#include <unordered_map>

namespace attnlab::simt {

// From the code address of an access to that of the block that it opens, over the whole program.
const std::unordered_map<std::uint32_t, std::uint32_t>& opened_blocks();

}  // namespace attnlab::simt
