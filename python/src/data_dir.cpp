// Where the package finds its data files. This definition stands in for that of reference/core/data_dir.cpp,
// which looks beside the running program: here that is Python, and the files are below this module's folder.
#include "reference/core/data_dir.h"

#include <dlfcn.h>

#include <cstdlib>
#include <string>

#include "reference/core/errors.h"

namespace attnlab {
namespace {

namespace fs = std::filesystem;

fs::path module_folder() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<void*>(&module_folder), &info) == 0 || info.dli_fname == nullptr) return {};
  return fs::path(info.dli_fname).parent_path();
}

}  // namespace

fs::path data_dir(std::string_view folder) {
  const char* chosen = std::getenv("ATTNLAB_DATA");
  const fs::path root =
      chosen != nullptr && *chosen != '\0' ? fs::path(chosen) : module_folder() / "_program/share/attnlab";
  const fs::path found = root / folder;
  std::error_code unreadable;
  if (fs::is_directory(found, unreadable)) return found;
  throw FileError(std::string(folder), "no such data folder in " + root.string() + " (set ATTNLAB_DATA)");
}

}  // namespace attnlab
