// The step between the compiler and the assembler: what the compiler wrote around its hooks, made cheaper.
//
//   the hook of an access or a block    becomes the instructions that record the event (events.h); only a
//                                       list without room is a function's business
//   a basic block whose first event     loses its own hook. The access tells of it: a table in the section
//   is an access                        attnlab_blocks says which (runtime/block_table.h)
//   a function with hooks               gets a copy without them, "name.plain", which runs when nothing is
//                                       counted; a table in the section attnlab_plain says where
//                                       (runtime/plain_copies.h). Copies call copies
//
// The copy is the same machine code less the hooks' calls: its results are those of the original to the bit.
// Hooks of volatile accesses stay in it, since loops that wait for one another end by them.
#pragma once

#include <string>
#include <string_view>

namespace attnlab::emulator::translate {

// For the assembly that g++ writes for x86-64.
std::string cheaper_hooks(std::string_view assembly);

}  // namespace attnlab::emulator::translate
