#include "os/output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <random>
#include <system_error>
#include <utility>

#include "reference/core/errors.h"

namespace attnlab::os {
namespace {

// The file a path leads to, so that writing through a symbolic link replaces its target and not the link.
std::filesystem::path target_of(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (std::filesystem::is_directory(status)) throw FileError(path, "is a directory, not a file");
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
    throw FileError(path, "is not a regular file");
  if (!path.has_filename()) throw FileError(path, "names no file");
  const std::filesystem::path target = std::filesystem::weakly_canonical(path, error);
  if (error) throw FileError(path, fmt::format("cannot be written: {}", error.message()));
  return target;
}

// Whether two names lead to one file: by links, or, where nothing is yet, by their spelling.
bool same_file(const std::filesystem::path& a, const std::filesystem::path& b) {
  std::error_code error;
  if (std::filesystem::exists(a, error) && std::filesystem::exists(b, error))
    return std::filesystem::equivalent(a, b, error);
  const std::filesystem::path canonical_a = std::filesystem::weakly_canonical(a, error);
  return !error && canonical_a == std::filesystem::weakly_canonical(b, error) && !error;
}

}  // namespace

OutputFile::OutputFile(const std::filesystem::path& path) : path_(target_of(path)) {
  std::random_device random;
  do {  // another process may write the same path: each has its own temporary
    temporary_ = path_.parent_path() / fmt::format(".attnlab-{:08x}{:08x}.tmp", random(), random());
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (descriptor_ < 0 && errno == EEXIST);
  if (descriptor_ < 0) throw FileError(path, fmt::format("cannot be written: {}", std::strerror(errno)));
  before_end_.emplace([temporary = temporary_] { ::unlink(temporary.c_str()); });
}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!committed_) ::unlink(temporary_.c_str());
}

void OutputFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const std::size_t portion = std::min(bytes.size(), std::size_t{1} << 30);
    const ssize_t written = ::write(descriptor_, bytes.data(), portion);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw FileError(path_, fmt::format("cannot be written: {}", std::strerror(errno)));
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void OutputFile::write(std::string_view text) { write(std::as_bytes(std::span(text))); }

void OutputFile::commit() {
  const bool closed =
      ::close(std::exchange(descriptor_, -1)) == 0;  // where a network file system reports failures
  if (!closed || ::rename(temporary_.c_str(), path_.c_str()) != 0)
    throw FileError(path_, fmt::format("cannot be written: {}", std::strerror(errno)));
  committed_ = true;
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  OutputFile file(path);
  file.write(text);
  file.commit();
}

void check_writable(const std::filesystem::path& path) { OutputFile probe(path); }

void check_distinct(std::span<const NamedFile> outputs, std::span<const NamedFile> inputs) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const auto& [argument, path] = outputs[i];
    if (path.empty()) continue;
    for (const NamedFile& input : inputs) {
      if (!input.path.empty() && same_file(path, input.path)) {
        throw InvalidArgument(argument, path.string(),
                              fmt::format("another file than the input ({})", input.argument));
      }
    }
    for (const NamedFile& other : outputs.first(i)) {
      if (!other.path.empty() && same_file(path, other.path)) {
        throw InvalidArgument(argument, path.string(),
                              fmt::format("a file of its own, not that of {}", other.argument));
      }
    }
  }
}

void check_outputs(std::span<const NamedFile> outputs, std::span<const NamedFile> inputs) {
  check_distinct(outputs, inputs);
  for (const NamedFile& output : outputs) {
    if (!output.path.empty()) check_writable(output.path);
  }
}

}  // namespace attnlab::os
