#include "os/process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>

#include "reference/core/errors.h"

namespace attnlab::os {
namespace {

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (std::string& s : strings) result.push_back(s.data());
  result.push_back(nullptr);
  return result;
}

std::vector<std::string> environment_of(const Command& command) {
  std::vector<std::string> variables;
  for (const auto& [name, value] : command.environment) variables.push_back(name + "=" + value);
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    if (!command.environment.contains(text.substr(0, text.find('=')))) variables.push_back(text);
  }
  return variables;
}

struct Pipe {
  std::array<int, 2> ends{-1, -1};
  explicit Pipe(const std::string& program) {
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
      throw FileError(program, std::string("cannot be run: ") + std::strerror(errno));
  }
  ~Pipe() {
    for (int side = 0; side < 2; ++side) close(side);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close(int side) {
    int& end = ends.at(static_cast<std::size_t>(side));
    if (end >= 0) ::close(end);
    end = -1;
  }
  // What is written until the other side is closed everywhere.
  std::string read_all() const {
    std::string text;
    std::array<char, 65536> chunk;
    for (;;) {
      const ssize_t got = ::read(ends[0], chunk.data(), chunk.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return text;
      text.append(chunk.data(), static_cast<std::size_t>(got));
    }
  }
};

// Between fork and exec: only what a signal handler may call too.
class InChild {
 public:
  InChild(const Command& command, int output, char** arguments, char** variables)
      : command_(command), output_(output), arguments_(arguments), variables_(variables) {}

  [[noreturn]] void become(pid_t parent, int failure) const {
    unblock_signals();
    if (command_.own_group) setpgid(0, 0);
    // Killed with the thread that started it; which may have ended by now.
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent && streams())
      execvpe(arguments_[0], arguments_, variables_);
    const int why = errno;
    [[maybe_unused]] const ssize_t told = write(failure, &why, sizeof why);
    _exit(127);
  }

 private:
  static bool redirect(const std::filesystem::path& path, int flags, int stream) {
    if (path.empty()) return true;
    const int file = open(path.c_str(), flags | O_CLOEXEC, 0600);
    return file >= 0 && dup2(file, stream) >= 0;
  }
  bool streams() const {
    constexpr int kWrite = O_WRONLY | O_CREAT | O_TRUNC;
    if (output_ >= 0 && dup2(output_, STDOUT_FILENO) < 0) return false;
    if (command_.output_to_errors && dup2(STDERR_FILENO, STDOUT_FILENO) < 0) return false;
    return redirect(command_.input, O_RDONLY, STDIN_FILENO) &&
           redirect(command_.output, kWrite, STDOUT_FILENO) &&
           redirect(command_.errors, kWrite, STDERR_FILENO);
  }

  const Command& command_;
  int output_;
  char** arguments_;
  char** variables_;
};

pid_t start(const Command& command, int output) {
  std::vector<std::string> words = command.words, variables = environment_of(command);
  const std::vector<char*> argument_list = pointers(words), variable_list = pointers(variables);
  const InChild child(command, output, const_cast<char**>(argument_list.data()),
                      const_cast<char**>(variable_list.data()));
  Pipe failure(words[0]);
  const pid_t parent = getpid(), pid = fork();
  if (pid < 0) throw FileError(words[0], std::string("cannot be run: ") + std::strerror(errno));
  if (pid == 0) child.become(parent, failure.ends[1]);
  failure.close(1);
  int why = 0;
  if (const std::string told = failure.read_all(); told.size() == sizeof why) {
    std::memcpy(&why, told.data(), sizeof why);
    while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    throw FileError(words[0], std::string("cannot be run: ") + std::strerror(why));
  }
  return pid;
}

// Waits without taking its exit code: until then the number is nobody else's.
void wait_for_end(pid_t pid) {
  siginfo_t info;
  while (waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
}

bool has_ended(pid_t pid) {
  siginfo_t info{};
  return waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT | WNOHANG) == 0 && info.si_pid != 0;
}

}  // namespace

Child::Child(const Command& command) : Child(command, -1) {}

Child::Child(const Command& command, int output) : group_(command.own_group) {
  const auto begin = [&] { pid_ = start(command, output); };
  before_end_.emplace(begin, [this] {  // it may have things to put in order, too
    constexpr int kPatience = 100;
    ::kill(group_ ? -pid_ : pid_, SIGTERM);
    for (int tries = 0; tries < kPatience && !has_ended(pid_); ++tries)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    ::kill(group_ ? -pid_ : pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  });
}

Child::~Child() {
  if (code_) return;
  kill();
  wait();
}

void Child::kill() {
  if (!code_) ::kill(group_ ? -pid_ : pid_, SIGKILL);
}

int Child::wait() {
  if (code_) return *code_;
  wait_for_end(pid_);
  before_end_.reset();
  if (group_) ::kill(-pid_, SIGKILL);  // what it left running
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return *code_;
}

std::optional<int> Child::wait_for(double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto end =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  auto pause = std::chrono::microseconds(200);
  while (!code_) {
    if (has_ended(pid_)) return wait();
    if (Clock::now() >= end) return std::nullopt;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::microseconds(10000));
  }
  return code_;
}

int run(const Command& command) { return Child(command).wait(); }

std::string output_of(const Command& command) {
  Pipe pipe(command.words[0]);
  Child child(command, pipe.ends[1]);
  pipe.close(1);
  std::string text = pipe.read_all();
  child.wait();
  return text;
}

}  // namespace attnlab::os
