#include "files/output_file.h"

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

namespace attnlab::files {
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

}  // namespace

OutputFile::OutputFile(const std::filesystem::path& path) : path_(target_of(path)) {
  std::random_device random;
  do {  // another process may write the same path: each has its own temporary
    temporary_ = path_.parent_path() / fmt::format(".attnlab-{:08x}{:08x}.tmp", random(), random());
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (descriptor_ < 0 && errno == EEXIST);
  if (descriptor_ < 0) throw FileError(path, fmt::format("cannot be written: {}", std::strerror(errno)));
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

void check_writable(const std::filesystem::path& path) { OutputFile probe(path); }

}  // namespace attnlab::files
