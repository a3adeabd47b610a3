#include "cli/python.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "reference/core/data_dir.h"
#include "reference/core/errors.h"

extern char** environ;

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

// Ours, with what leads Python to its package and the package to its data. Nothing is written beside the sources.
std::vector<std::string> child_environment() {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    if (!text.starts_with("PYTHONPATH=") && !text.starts_with("ATTNLAB_DATA=")) variables.emplace_back(text);
  }
  const std::string own = package_folder().string(), theirs = environment("PYTHONPATH");
  const std::string both = own + (own.empty() || theirs.empty() ? "" : ":") + theirs;
  if (!both.empty()) variables.push_back("PYTHONPATH=" + both);
  variables.push_back("ATTNLAB_DATA=" + data_dir("experiments").parent_path().string());
  variables.emplace_back("PYTHONDONTWRITEBYTECODE=1");
  variables.emplace_back("PYTHONSAFEPATH=1");
  return variables;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (std::string& text : strings) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

}  // namespace

int run_experiments(const std::vector<std::string>& arguments) {
  std::vector<std::string> command{python(), "-c", kStart}, variables = child_environment();
  command.insert(command.end(), arguments.begin(), arguments.end());
  std::fflush(stdout);
  pid_t child = 0;
  const int error = posix_spawnp(&child, command[0].c_str(), nullptr, nullptr, pointers(command).data(),
                                 pointers(variables).data());
  int status = 0;
  while (error == 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  constexpr int kNotFound = 127;  // by an implementation of posix_spawnp that finds out in the child
  if (error != 0 || (WIFEXITED(status) && WEXITSTATUS(status) == kNotFound)) {
    throw InvalidArgument("ATTNLAB_PYTHON", command[0] + ", which cannot be run",
                          "a Python 3.11 or newer with numpy and attnlab's package");
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace attnlab::cli
