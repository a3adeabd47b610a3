#include "simulator/emulator/translate/process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include "reference/core/errors.h"

namespace attnlab::emulator::translate {
namespace {

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (std::string& s : strings) result.push_back(s.data());
  result.push_back(nullptr);
  return result;
}

}  // namespace

int run_process(const std::vector<std::string>& command,
                const std::map<std::string, std::string>& environment, bool output_to_stderr,
                const std::filesystem::path& errors) {
  std::vector<std::string> arguments = command, variables;
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    if (environment.count(text.substr(0, text.find('='))) == 0) variables.push_back(text);
  }
  posix_spawn_file_actions_t streams;
  posix_spawn_file_actions_init(&streams);
  if (output_to_stderr) posix_spawn_file_actions_adddup2(&streams, STDERR_FILENO, STDOUT_FILENO);
  if (!errors.empty()) {
    posix_spawn_file_actions_addopen(&streams, STDERR_FILENO, errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                     0600);
  }
  pid_t child = 0;
  const int error = posix_spawnp(&child, arguments[0].c_str(), &streams, nullptr, pointers(arguments).data(),
                                 pointers(variables).data());
  posix_spawn_file_actions_destroy(&streams);
  if (error != 0) throw FileError(arguments[0], std::string("cannot be run: ") + std::strerror(error));
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR)
      throw FileError(arguments[0], std::string("cannot be waited for: ") + std::strerror(errno));
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TemporaryDirectory::TemporaryDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "attnlab-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr)
    throw FileError(name, std::string("cannot be made: ") + std::strerror(errno));
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace attnlab::emulator::translate
