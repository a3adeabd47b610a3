// A file that appears whole or not at all, and never in the place of an input.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "os/ending.h"

namespace attnlab::os {

// Writes to a temporary file in the same folder; commit() renames it to the path, replacing what was there.
// Destroyed without commit(), or ended by a signal, it removes the temporary and leaves the path as it was. Every
// failure is a FileError.
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
  int descriptor_ = -1;
  bool committed_ = false;
  std::optional<BeforeEnd> before_end_;
};

// The whole file or none. Throws FileError.
void write_file(const std::filesystem::path& path, std::string_view text);

// Throws FileError unless a file can be written at the path: refuses before work starts what OutputFile would
// refuse after it. An existing file is not touched.
void check_writable(const std::filesystem::path& path);

// A file that a question names.
struct NamedFile {
  std::string argument;        // the field or option that names it
  std::filesystem::path path;  // empty: not given
};

// The rule for every question that reads files and writes some: no output is an input or another output, by
// whatever name or link. Throws InvalidArgument that names the output.
void check_distinct(std::span<const NamedFile> outputs, std::span<const NamedFile> inputs);
// And each can be written: throws FileError, too.
void check_outputs(std::span<const NamedFile> outputs, std::span<const NamedFile> inputs);

}  // namespace attnlab::os
