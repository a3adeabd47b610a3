// What the tools of binutils say of this program's file.
#pragma once

#include <string>
#include <vector>

namespace attnlab::emulator {

// Runs the words, a tool and its arguments, and returns its stdout. Without the tool the report has no source
// lines or no floating-point counts: returns nothing, and says so on stderr, once for each tool.
std::string said_by(const std::vector<std::string>& words);

}  // namespace attnlab::emulator
