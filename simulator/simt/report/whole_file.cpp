// Writing by way of a temporary name.
#include "simulator/simt/report/whole_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "reference/core/errors.h"

namespace attnlab::simt {

void write_whole_file(const std::filesystem::path& path, std::string_view text) {
  std::error_code error;
  // A rename would replace a folder's or a device's name by a file.
  if (std::filesystem::exists(path, error) && !std::filesystem::is_regular_file(path, error)) {
    throw FileError(path.string(), "is not a regular file");
  }
  // The process's number: several emulated programs may run in one folder.
  const std::filesystem::path temporary = path.string() + "." + std::to_string(::getpid()) + ".tmp";
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

}  // namespace attnlab::simt
