// How the program refuses: a line on stderr, with --json an object on stdout as well, and an exit code.
#pragma once

#include <exception>
#include <string>
#include <string_view>

#include "cli/options.h"

namespace attnlab::cli {

// The codes that the program ends with. docs/cli.md has the same table, from `attnlab --help`.
enum ExitCode { kAnswered = 0, kAnswerIsNo = 1, kRefused = 2 };
struct ExitCodeRow {
  std::string_view codes;
  std::string_view meaning;
};
inline constexpr ExitCodeRow kExitCodes[] = {
    {"0", "answered; of a check: right"},
    {"1", "the answer is no: an output or a kernel is wrong, a program has findings; or an internal error"},
    {"2",
     "refused: bad input, or stdout cannot be written; with one line on stderr, and with --json an object on "
     "stdout"},
    {"128 + n", "ended by signal n"},
    {"others", "emulate: the program's own; cc: the compiler's"},
};
// The table as the footer of `attnlab --help`.
std::string exit_codes_text();

// Says on stderr, and with `json` on stdout, what the command that was parsed refused: in its options' names
// (field_options.h), and numbers as they were typed. Returns the exit code.
int refuse(const Command& app, const std::exception& error, bool json);

// Whether the command line asks for JSON on stdout; it need not be one that can be parsed.
bool wants_json(int argc, const char* const* argv);

}  // namespace attnlab::cli
