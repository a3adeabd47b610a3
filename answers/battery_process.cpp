#include "answers/battery_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <thread>

#include "reference/core/errors.h"

extern char** environ;

namespace attnlab::answers {
namespace {

volatile std::sig_atomic_t interrupted = 0;
extern "C" void note_interrupt(int signal) { interrupted = signal; }

// The last line with anything on it, of the file's last bytes.
std::string last_line(const std::filesystem::path& path) {
  constexpr std::streamoff kTail = 4096;
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return "";
  file.seekg(std::max<std::streamoff>(0, static_cast<std::streamoff>(file.tellg()) - kTail));
  std::string line, last;
  while (std::getline(file, line)) {
    if (line.find_first_not_of(" \t\r") != std::string::npos) last = line;
  }
  return last;
}

pid_t start(std::vector<std::string> words, const std::filesystem::path& errors) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t streams;
  posix_spawn_file_actions_init(&streams);
  posix_spawn_file_actions_addopen(&streams, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&streams, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&streams, STDERR_FILENO, errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                   0600);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);
  pid_t child = 0;
  const int error = posix_spawnp(&child, arguments[0], &streams, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&streams);
  if (error != 0) throw FileError(words[0], std::string("cannot be run: ") + std::strerror(error));
  return child;
}

// Ends the program and everything that it started.
void kill_group(pid_t leader) {
  kill(-leader, SIGKILL);
  while (waitpid(leader, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace

std::vector<std::string> split_command(const std::string& field, const std::string& command) {
  std::vector<std::string> words;
  char quote = 0;
  bool in_word = false;
  for (std::size_t n = 0; n < command.size(); ++n) {
    const char c = command[n];
    if (quote == 0 && (c == ' ' || c == '\t' || c == '\n')) {
      in_word = false;
      continue;
    }
    if (!in_word) words.emplace_back(), in_word = true;
    if (c == '\\' && quote != '\'' && n + 1 < command.size()) {
      words.back() += command[++n];
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == quote && quote != 0) {
      quote = 0;
    } else {
      words.back() += c;
    }
  }
  if (quote != 0) throw InvalidArgument(field, command, "a closing " + std::string(1, quote));
  if (words.empty() || words[0].empty()) throw InvalidArgument(field, "'" + command + "'", "a command");
  return words;
}

void require_program(const std::string& word) {
  const char* path = std::getenv("PATH");
  std::string folders = word.find('/') != std::string::npos || path == nullptr ? "" : path;
  for (std::size_t begin = 0; begin <= folders.size();) {
    const std::size_t end = std::min(folders.find(':', begin), folders.size());
    const std::filesystem::path candidate = std::filesystem::path(folders.substr(begin, end - begin)) / word;
    std::error_code ignored;
    if (access(candidate.c_str(), X_OK) == 0 && !std::filesystem::is_directory(candidate, ignored)) return;
    begin = end + 1;
  }
  throw FileError(word, "cannot be run: no such program");
}

ProcessEnd run_program(const std::vector<std::string>& words, double limit_s,
                       const std::filesystem::path& errors) {
  using Clock = std::chrono::steady_clock;
  const auto end =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(limit_s));
  const pid_t child = start(words, errors);
  auto pause = std::chrono::microseconds(200);
  for (;;) {
    int status = 0;
    const pid_t ended = waitpid(child, &status, WNOHANG);
    if (ended == child) {
      kill(-child, SIGKILL);  // what it left running
      return {false, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), last_line(errors)};
    }
    if (interrupted != 0) {
      kill_group(child);
      require_uninterrupted();
    }
    if (Clock::now() >= end) {
      kill_group(child);
      return {true, 128 + SIGKILL, last_line(errors)};
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::microseconds(10000));
  }
}

InterruptGuard::InterruptGuard() {
  struct sigaction action {};
  action.sa_handler = note_interrupt;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

InterruptGuard::~InterruptGuard() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

void require_uninterrupted() {
  if (interrupted != 0) throw Interrupted{interrupted};
}

}  // namespace attnlab::answers
