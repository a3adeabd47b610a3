// A place for files that nobody is to see.
#pragma once

#include <filesystem>

#include "os/ending.h"

namespace attnlab::os {

// A fresh directory below $TMPDIR (or /tmp), removed with what is in it: by the destructor, or before the process
// ends by a signal; after SIGKILL by the next process of the same user that makes one there. Throws
// InvalidArgument where $TMPDIR is no directory, FileError where it cannot be written.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  void remove() const;

  int lock_ = -1;  // a descriptor of the directory: locked for as long as this process lives
  std::filesystem::path path_;
  BeforeEnd before_end_;
};

}  // namespace attnlab::os
