// Running another program.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace attnlab::emulator::translate {

// Runs a program, found on PATH, with this process's standard streams and waits for it; `environment` is
// added to this process's. output_to_stderr: what it writes to stdout goes to stderr. errors: a file that
// takes what it writes to stderr. Its exit code; 128 plus the signal that ended it. Throws FileError when it
// cannot be started.
int run_process(const std::vector<std::string>& command,
                const std::map<std::string, std::string>& environment = {}, bool output_to_stderr = false,
                const std::filesystem::path& errors = {});

// A fresh directory below the system's place for temporary files, removed with what is in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory();  // throws FileError
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace attnlab::emulator::translate
