// Where in a file a reader is, for its refusals.
#pragma once

#include <string>

#include "reference/core/errors.h"

namespace attnlab::files {

struct Place {
  std::string path;
  std::string part;  // "member q.npy"; empty for the file as a whole

  [[noreturn]] void fail(const std::string& problem) const {
    throw FileError(path, part.empty() ? problem : part + ": " + problem);
  }
};

}  // namespace attnlab::files
