// The command line of `attnlab emulate`: its own options among the compiler's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "answers/kernels/single_launch.h"
#include "cli/long_work.h"
#include "reference/core/errors.h"
#include "simulator/emulator/report/html.h"

namespace attnlab::cli {

struct EmulateQuestion {
  std::vector<std::string> compile, arguments;  // the compiler's words; the program's
  std::string gpu = "h200", html;
  std::optional<std::string> seed, threads, timeout;
  std::optional<emulator::Ideal> ideal;
  std::optional<std::string> json;                // empty: stdout
  bool sandbox = false;                           // for programs of others
  std::optional<std::uint64_t> memory;            // bytes that a program in the sandbox may take
  bool leaks = false;                             // memory never freed is a finding
  std::optional<answers::LaunchQuestion> launch;  // of a kernel of cuda/, in place of a program
  LongWork long_work;
  bool check = false;  // what it wrote
};

// Throws InvalidArgument and CLI11's errors.
EmulateQuestion parse_emulate(std::vector<std::string> words);

// The refusal of an answer, in the names of these options.
InvalidArgument as_emulate_options(const InvalidArgument& refusal);

// What --help says of it.
std::string emulate_help();

}  // namespace attnlab::cli
