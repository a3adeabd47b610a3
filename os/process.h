// Other programs: started without a shell, and never longer alive than this one.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "os/ending.h"

namespace attnlab::os {

struct Command {
  std::vector<std::string> words;                       // the program, found on PATH, and its arguments
  std::map<std::string, std::string> environment = {};  // added to this process's
  // Files in place of the standard streams; empty: this process's own.
  std::filesystem::path input = {}, output = {}, errors = {};
  bool output_to_errors = false;  // what it writes to stdout goes to this process's stderr
  bool own_group = false;         // killed with all that it starts; not for programs that read a terminal
};

// A program that runs. It is killed when this process ends, however it ends, and by its own destruction.
class Child {
 public:
  explicit Child(const Command& command);  // throws FileError when it cannot be started
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Its exit code, or 128 plus the signal that ended it.
  int wait();
  // The same, or nothing where it has not ended by then.
  std::optional<int> wait_for(double seconds);
  void kill();
  pid_t id() const { return pid_; }

 private:
  friend std::string output_of(const Command& command);
  Child(const Command& command, int output);  // output: a descriptor for its stdout, or -1

  pid_t pid_ = -1;
  bool group_;
  std::optional<int> code_;
  std::optional<BeforeEnd> before_end_;
};

// Starts it and waits: Child::wait().
int run(const Command& command);

// Starts it, waits, and returns what it wrote to stdout. Whatever its exit code: callers judge the text.
std::string output_of(const Command& command);

}  // namespace attnlab::os
