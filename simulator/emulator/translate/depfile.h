// The rule for make that a compiler writes of what it read (-MD).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace attnlab::emulator::translate {

// The files behind the colon of a rule's text: the source first, then the headers.
std::vector<std::filesystem::path> prerequisites(const std::string& rule);

}  // namespace attnlab::emulator::translate
