// What can be said of a command line before any option is read. The parser would first say what else is missing, or in
// words that name no expectation.
#pragma once

namespace CLI {
class App;
}  // namespace CLI

namespace attnlab::cli {

// Throws InvalidArgument for a command or an option that does not exist, an option without its value, a flag with one,
// and one value too many. A command that takes the rest of the line reads it itself.
void check_command_line(const CLI::App& program, int argc, const char* const* argv);

}  // namespace attnlab::cli
