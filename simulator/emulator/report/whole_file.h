// A file of text that appears whole or not at all.
#pragma once

#include <filesystem>
#include <string_view>

namespace attnlab::emulator {

// Writes a temporary file in the same folder and renames it. Throws FileError; then the path is as it was.
void write_whole_file(const std::filesystem::path& path, std::string_view text);

// Throws the FileError that write_whole_file would throw for want of a folder or of permission, before the
// work whose result the file is to hold. Leaves no trace.
void require_writable(const std::filesystem::path& path);

}  // namespace attnlab::emulator
