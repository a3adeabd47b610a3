// A file that appears whole or not at all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace attnlab::files {

// Writes to a temporary file in the same folder; commit() renames it to the path, replacing what was there.
// Destroyed without commit(), it removes the temporary and leaves the path as it was. Every failure is a
// FileError.
class OutputFile {
 public:
  explicit OutputFile(const std::filesystem::path& path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);
  void commit();

  // Where the bytes go until commit(), for libraries that write by name.
  const std::filesystem::path& temporary() const { return temporary_; }

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int descriptor_;
  bool committed_ = false;
};

// Throws FileError unless a file can be written at the path: refuses before work starts what OutputFile would
// refuse after it. An existing file is not touched.
void check_writable(const std::filesystem::path& path);

}  // namespace attnlab::files
