// What a process and all that it started hold.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace attnlab::os {

// Bytes of memory of the process and of all its descendants, pages that several of them share counted once if they
// were counted often beyond `enough`: looking closely takes long, so less than `enough` is not looked at.
std::uint64_t memory_of_tree(pid_t root, std::uint64_t enough);

}  // namespace attnlab::os
