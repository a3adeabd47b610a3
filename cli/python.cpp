#include "cli/python.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <system_error>

#include "os/process.h"
#include "reference/core/data_dir.h"
#include "reference/core/errors.h"

namespace attnlab::cli {
namespace {

namespace fs = std::filesystem;

// `python -m` would print a traceback where the package is missing.
constexpr const char* kStart = R"py(
import sys
try:
    from attnlab.experiments.__main__ import main
except ImportError as error:
    print(f"attnlab: ATTNLAB_PYTHON: got {sys.executable}, where attnlab's package does not load ({error}), "
          "expected a Python 3.11 or newer with numpy and the package (cmake -DATTNLAB_PYTHON=ON, or pip install)",
          file=sys.stderr)
    sys.exit(2)
sys.exit(main())
)py";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string python() {
  if (const std::string chosen = environment("ATTNLAB_PYTHON"); !chosen.empty()) return chosen;
#ifdef ATTNLAB_PYTHON_EXECUTABLE
  if (access(ATTNLAB_PYTHON_EXECUTABLE, X_OK) == 0) return ATTNLAB_PYTHON_EXECUTABLE;
#endif
  return "python3";
}

// The folder that has the package, or nothing.
fs::path package_folder() {
  std::error_code unreadable;
  const fs::path program = fs::read_symlink("/proc/self/exe", unreadable).parent_path();
  for (const fs::path& folder : {program / "python",                 // build tree
                                 program / ATTNLAB_PYTHON_FROM_BIN,  // installation
                                 program / ".." / ".." / ".."}) {    // wheel: attnlab/_program/bin
    if (fs::exists(folder / "attnlab/experiments/__init__.py", unreadable)) return folder.lexically_normal();
  }
  return {};
}

// What leads Python to its package and the package to its data. Nothing is written beside the sources.
std::map<std::string, std::string> child_environment() {
  std::map<std::string, std::string> variables{
      {"ATTNLAB_DATA", data_dir("experiments").parent_path().string()},
      {"PYTHONDONTWRITEBYTECODE", "1"},
      {"PYTHONSAFEPATH", "1"}};
  const std::string own = package_folder().string(), theirs = environment("PYTHONPATH");
  const std::string both = own + (own.empty() || theirs.empty() ? "" : ":") + theirs;
  if (!both.empty()) variables["PYTHONPATH"] = both;
  return variables;
}

}  // namespace

int run_experiments(const std::vector<std::string>& arguments) {
  os::Command command{.words = {python(), "-c", kStart}, .environment = child_environment()};
  command.words.insert(command.words.end(), arguments.begin(), arguments.end());
  std::fflush(stdout);
  try {
    return os::run(command);
  } catch (const FileError&) {
    throw InvalidArgument("ATTNLAB_PYTHON", command.words[0] + ", which cannot be run",
                          "a Python 3.11 or newer with numpy and attnlab's package");
  }
}

}  // namespace attnlab::cli
