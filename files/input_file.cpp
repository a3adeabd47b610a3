#include "files/input_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "reference/core/errors.h"

namespace attnlab::files {

InputFile::InputFile(const std::filesystem::path& path) : path_(path) {
  // Not blocking: opening a pipe that nobody writes to must not wait for ever.
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) throw FileError(path, fmt::format("cannot be opened: {}", std::strerror(errno)));
  struct stat status {};
  const bool known = ::fstat(descriptor_, &status) == 0;
  if (!known || !S_ISREG(status.st_mode)) {
    ::close(descriptor_);
    throw FileError(
        path, known && S_ISDIR(status.st_mode) ? "is a directory, not a file" : "is not a regular file");
  }
  size_ = static_cast<std::uint64_t>(status.st_size);
}

InputFile::~InputFile() { ::close(descriptor_); }

void InputFile::read(std::uint64_t offset, std::span<std::byte> bytes) const {
  if (offset > size_ || bytes.size() > size_ - offset) {
    throw FileError(
        path_, fmt::format("is truncated: {} bytes, at least {} + {} expected", size_, offset, bytes.size()));
  }
  while (!bytes.empty()) {
    const std::size_t portion = std::min(bytes.size(), std::size_t{1} << 30);  // below every system's limit
    const ssize_t got = ::pread(descriptor_, bytes.data(), portion, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw FileError(path_, fmt::format("cannot be read: {}", std::strerror(errno)));
    if (got == 0) throw FileError(path_, "was truncated while being read");
    offset += static_cast<std::uint64_t>(got);
    bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
}

}  // namespace attnlab::files
