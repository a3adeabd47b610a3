// attnlab emulate --sandbox: what of this machine the compiler and the program may see.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>

#include "os/process.h"
#include "os/sandbox.h"
#include "simulator/emulator/report/report.h"
#include "simulator/emulator/translate/compile.h"

namespace attnlab::cli {

class EmulateSandbox {
 public:
  // Has the compilation run its commands in a sandbox. Throws FileError where this system makes none, and
  // InvalidArgument for a source whose folder holds more than a program: the program sees that folder.
  EmulateSandbox(emulator::translate::Compilation& compilation, const std::string& gpu,
                 std::optional<std::uint64_t> memory);

  // Runs the program that was compiled. reads: a file beside the sources; writes: a file beside the report. Both are
  // words of the command, or empty. Its exit code; throws Exit, after one line on stderr, where the sandbox had to stop
  // it.
  int run(os::Command command, const std::filesystem::path& reads, const std::filesystem::path& writes) const;

  // The report is the program's word, and `#line 1 "/etc/shadow"` is enough for it to name any file, whose lines
  // would then be printed beside the counters. Renames the files that the compiler did not see.
  void hide_other_files(emulator::Report& report) const;

 private:
  std::string name_;
  std::filesystem::path program_;
  std::set<std::filesystem::path> beside_;   // the folders of the sources, the file of the GPU
  std::set<std::filesystem::path> visible_;  // to the compiler, beside the system's
  std::uint64_t memory_;
};

}  // namespace attnlab::cli
