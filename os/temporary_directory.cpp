#include "os/temporary_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>

#include "reference/core/errors.h"

namespace attnlab::os {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "attnlab-temporary-", kUnique = "XXXXXX";

bool is_one_of_ours(const std::string& name) {
  return name.starts_with(kPrefix) && name.size() == kPrefix.size() + kUnique.size() &&
         std::all_of(name.begin() + kPrefix.size(), name.end(),
                     [](unsigned char c) { return std::isalnum(c); });
}

// The lock of a directory of this user, or -1: somebody lives there, or it is another's. A lock ends with the
// process that holds it, however it ends, and needs no number that another process may get later.
int abandoned(const fs::path& path) {
  const int directory = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct stat about {};
  if (directory >= 0 && fstat(directory, &about) == 0 && about.st_uid == geteuid() &&
      flock(directory, LOCK_EX | LOCK_NB) == 0)
    return directory;
  if (directory >= 0) close(directory);
  return -1;
}

void remove_abandoned(const fs::path& parent) {
  std::error_code ignored;
  for (fs::directory_iterator entry(parent, ignored), end; !ignored && entry != end;
       entry.increment(ignored)) {
    if (!is_one_of_ours(entry->path().filename())) continue;
    if (const int lock = abandoned(entry->path()); lock >= 0) {
      std::error_code left;  // whoever made it this moment and waits for the lock makes another one
      fs::remove_all(entry->path(), left);
      close(lock);
    }
  }
}

fs::path parent() {
  std::error_code error;
  const fs::path found = fs::temp_directory_path(error);
  if (error) {
    const char* chosen = std::getenv("TMPDIR");
    throw InvalidArgument("TMPDIR", chosen == nullptr ? "nothing" : chosen, "a directory");
  }
  return fs::absolute(found);
}

fs::path make(int& lock) {
  const fs::path place = parent();
  remove_abandoned(place);
  for (;;) {
    std::string name = (place / kPrefix).string().append(kUnique);
    if (mkdtemp(name.data()) == nullptr)
      throw FileError(name, std::string("cannot be made: ") + std::strerror(errno));
    lock = open(name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (lock >= 0) flock(lock, LOCK_EX);  // without locks nobody takes it for abandoned
    struct stat about {};
    if (lstat(name.c_str(), &about) == 0) return name;
    if (lock >= 0) close(lock);
  }
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() : path_(make(lock_)), before_end_([this] { remove(); }) {}

TemporaryDirectory::~TemporaryDirectory() {
  remove();
  if (lock_ >= 0) close(lock_);
}

void TemporaryDirectory::remove() const {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace attnlab::os
