#include "os/temporary_directory.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <system_error>

#include "reference/core/errors.h"

namespace attnlab::os {
namespace {

std::filesystem::path make() {
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::temp_directory_path(error);
  if (error) {
    const char* chosen = std::getenv("TMPDIR");
    throw InvalidArgument("TMPDIR", chosen == nullptr ? "nothing" : chosen, "a directory");
  }
  std::string name = (std::filesystem::absolute(parent) / "attnlab-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr)
    throw FileError(name, std::string("cannot be made: ") + std::strerror(errno));
  return name;
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() : path_(make()), before_end_([this] { remove(); }) {}

TemporaryDirectory::~TemporaryDirectory() { remove(); }

void TemporaryDirectory::remove() const {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace attnlab::os
