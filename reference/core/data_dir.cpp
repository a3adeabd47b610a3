#include "reference/core/data_dir.h"

#include <cstdlib>
#include <string>
#include <system_error>
#include <vector>

#include "reference/core/errors.h"

namespace attnlab {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> roots() {
  if (const char* chosen = std::getenv("ATTNLAB_DATA"); chosen != nullptr && *chosen != '\0') return {chosen};
  std::vector<fs::path> roots;
  std::error_code none;
  if (const fs::path program = fs::read_symlink("/proc/self/exe", none); !none) {
    roots.push_back(program.parent_path().parent_path() / "share" / "attnlab");
  }
  roots.emplace_back(ATTNLAB_SOURCE_DIR);
  roots.emplace_back(ATTNLAB_INSTALL_DATA_DIR);
  return roots;
}

}  // namespace

fs::path data_dir(std::string_view folder) {
  std::string searched;
  for (const fs::path& root : roots()) {
    fs::path candidate = root / folder;
    std::error_code unreadable;
    if (fs::is_directory(candidate, unreadable)) return candidate;
    searched += (searched.empty() ? "" : ", ") + root.string();
  }
  throw FileError(std::string(folder), "no such data folder in " + searched + " (set ATTNLAB_DATA)");
}

}  // namespace attnlab
