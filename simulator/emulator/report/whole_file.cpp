// Writing by way of a temporary name.
#include "simulator/emulator/report/whole_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "reference/core/errors.h"

namespace attnlab::emulator {
namespace {

void require_file(const std::filesystem::path& path) {
  std::error_code error;
  // A rename would replace a folder's or a device's name by a file.
  if (std::filesystem::exists(path, error) && !std::filesystem::is_regular_file(path, error))
    throw FileError(path.string(), "is not a regular file");
}

// The process's number: several emulated programs may run in one folder.
std::filesystem::path beside(const std::filesystem::path& path) {
  return path.string() + "." + std::to_string(::getpid()) + ".tmp";
}

}  // namespace

void require_writable(const std::filesystem::path& path) {
  require_file(path);
  const std::filesystem::path temporary = beside(path);
  errno = 0;
  if (!std::ofstream(temporary, std::ios::binary))
    throw FileError(path.string(), std::string("cannot be written: ") + std::strerror(errno));
  std::error_code ignored;
  std::filesystem::remove(temporary, ignored);
}

void write_whole_file(const std::filesystem::path& path, std::string_view text) {
  require_file(path);
  std::error_code error;
  const std::filesystem::path temporary = beside(path);
  errno = 0;
  std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  file.close();
  const int why = errno;
  if (file) std::filesystem::rename(temporary, path, error);
  if (!file || error) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    throw FileError(path.string(), "cannot be written: " + (error ? error.message() : std::strerror(why)));
  }
}

}  // namespace attnlab::emulator
