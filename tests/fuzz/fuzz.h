// What a fuzzer of tests/fuzz defines: one parser of text that a user gives us.
#pragma once

#include <filesystem>
#include <string_view>

namespace attnlab::fuzz {

// Reads the input. It may refuse it by FileError or InvalidArgument, and nothing else.
void parse(std::string_view input);

// For parsers of files: the input as a file of this name, the same one each time.
std::filesystem::path as_file(std::string_view input, const char* name);

}  // namespace attnlab::fuzz
