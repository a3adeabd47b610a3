// Running a kernel program: arguments without a shell, a time limit, and nothing left behind.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace attnlab::answers {

// The words of a command as a shell would split it: spaces separate, 'single' and "double" quotes group, a
// backslash takes the next character as it is. Nothing else is special: no variables, no wildcards, no pipes.
// Throws InvalidArgument for an open quote or no words.
std::vector<std::string> split_command(const std::string& field, const std::string& command);

// Throws FileError unless there is such a program, on PATH where the word has no '/'.
void require_program(const std::string& word);

struct ProcessEnd {
  bool timed_out = false;
  int exit_code = 0;       // 128 + the signal that ended it
  std::string last_error;  // the last line that it wrote to stderr
};
// Runs a program found on PATH in a process group of its own; its stdout is discarded. After limit_s the
// whole group is killed. Throws FileError when it cannot be started.
ProcessEnd run_program(const std::vector<std::string>& words, double limit_s,
                       const std::filesystem::path& errors);

}  // namespace attnlab::answers
