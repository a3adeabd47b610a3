#include "cli/plot.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

extern char** environ;

namespace attnlab::cli {
namespace {

constexpr int kNotStarted = -1;

// Runs a program found on the path, its stdout sent to our stderr or, if quiet, both to nowhere. No shell is
// involved: each argument arrives as it is. Returns its exit status, 128 + the signal that ended it, or
// kNotStarted.
int run(const std::vector<std::string>& command, bool quiet) {
  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  if (posix_spawn_file_actions_init(&files) != 0) return kNotStarted;
  if (quiet) posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
  pid_t child = 0;
  const int error = posix_spawnp(&child, arguments[0], &files, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) return kNotStarted;
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return kNotStarted;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string python() {
  const char* chosen = std::getenv("ATTNLAB_PYTHON");
  return chosen != nullptr && *chosen != '\0' ? chosen : "python3";
}

bool no_plots(const std::filesystem::path& data_dir, const std::string& reason) {
  std::fflush(stdout);
  fmt::print(stderr, "attnlab: no plots: {}; the data is in {}\n", reason, data_dir.string());
  return false;
}

}  // namespace

bool run_plot(const std::filesystem::path& script, const std::filesystem::path& data_dir) {
  const std::string interpreter = python();
  const std::string probe =
      "import importlib.util, sys; sys.exit(importlib.util.find_spec('matplotlib') is None)";
  const int has_matplotlib = run({interpreter, "-c", probe}, true);
  if (has_matplotlib == kNotStarted || has_matplotlib == 127) {
    return no_plots(data_dir,
                    fmt::format("{} cannot be run (set ATTNLAB_PYTHON to a Python 3)", interpreter));
  }
  if (has_matplotlib != 0) {
    return no_plots(data_dir,
                    fmt::format("{0} has no matplotlib (get it with: {0} -m pip install matplotlib, or set "
                                "ATTNLAB_PYTHON to a Python that has it)",
                                interpreter));
  }
  const int status = run({interpreter, script.string(), data_dir.string()}, false);
  if (status != 0) {
    return no_plots(data_dir,
                    fmt::format("{} {} failed with exit code {}", interpreter, script.string(), status));
  }
  return true;
}

}  // namespace attnlab::cli
