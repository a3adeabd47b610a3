// The attnlab program: parses the command line, runs one command, and turns every refusal into one line on
// stderr and exit code 2.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <string>

#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/environment.h"
#include "cli/refusal.h"
#include "os/ending.h"
#include "reference/core/errors.h"
#include "reference/core/version.h"

namespace {

// A standard stream that is closed would hand its number to the next file that is opened, and what is printed would
// go there. Here it is a file of which nothing is read and to which nothing can be written.
void open_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(stream, F_GETFD) >= 0) continue;
    [[maybe_unused]] const int opened = open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

// What was printed is written now, or lost: a full disk must not look like an answer.
bool output_is_lost() { return std::fflush(stdout) != 0 || std::ferror(stdout) != 0; }

// `environment_is_read`: set where the environment's variables make sense.
int run(int argc, char** argv, bool& environment_is_read) {
  CLI::App parser{"attnlab: reference implementation and simulator of attention"};
  parser.require_subcommand(1);
  parser.set_version_flag("--version", "attnlab " + std::string(attnlab::version()));
  attnlab::cli::Command app(parser);
  const bool json = attnlab::cli::wants_json(argc, argv);
  try {
    attnlab::cli::add_battery(app);
    attnlab::cli::add_cc(app);
    attnlab::cli::add_check(app);
    attnlab::cli::add_convert_gqa(app);
    attnlab::cli::add_demo(app);
    attnlab::cli::add_emulate(app);
    attnlab::cli::add_experiment(app);
    attnlab::cli::add_grade(app);
    attnlab::cli::add_io(app);
    attnlab::cli::add_kv(app);
    attnlab::cli::add_list(app);
    attnlab::cli::add_run(app);
    attnlab::cli::add_traffic(app);
    attnlab::cli::add_witness(app);
    attnlab::cli::add_zoo(app);
    app.footer(attnlab::cli::exit_codes_text());  // after them: it is theirs, too, if it is there before
    attnlab::cli::check_environment();
    environment_is_read = true;
    attnlab::cli::check_command_line(parser, argc, argv);
    parser.parse(argc, argv);
    return 0;
  } catch (const CLI::Success& help) {
    return parser.exit(help);
  } catch (const attnlab::cli::Exit& end) {  // a command that has said what there is to say
    return end.code;
  } catch (const CLI::ParseError& error) {
    return attnlab::cli::refuse(app, error, json);
  } catch (const attnlab::InvalidArgument& error) {
    return attnlab::cli::refuse(app, error, json);
  } catch (const attnlab::FileError& error) {
    return attnlab::cli::refuse(app, error, json);
  } catch (const std::bad_alloc&) {
    const attnlab::InvalidArgument error("sizes", "more than the memory holds", "smaller ones");
    return attnlab::cli::refuse(app, error, json);
  } catch (const std::exception& error) {
    if (std::ferror(stdout) != 0) return attnlab::cli::kRefused;  // said below
    fmt::print(stderr, "attnlab: internal error: {}\n", error.what());
    return 1;
  }
}

}  // namespace

int main(int argc, char** argv) {
  open_standard_streams();
  attnlab::os::end_in_order();
  bool environment_is_read = false;
  int code = run(argc, argv, environment_is_read);
  errno = 0;
  if (output_is_lost()) {
    fmt::print(stderr, "attnlab: stdout: cannot be written{}{}\n", errno != 0 ? ": " : "",
               errno != 0 ? std::strerror(errno) : "");
    code = attnlab::cli::kRefused;
  }
  if (!environment_is_read)
    std::_Exit(code);  // the emulator's exit handler would read it and refuse it again
  return code;
}
