// The attnlab program: parses the command line, runs one command, and turns every refusal into one line on
// stderr and exit code 2.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <string>

#include "cli/command.h"
#include "cli/refusal.h"
#include "reference/core/errors.h"
#include "reference/core/version.h"

int main(int argc, char** argv) {
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
    attnlab::cli::add_io(app);
    attnlab::cli::add_kv(app);
    attnlab::cli::add_list(app);
    attnlab::cli::add_run(app);
    attnlab::cli::add_traffic(app);
    attnlab::cli::add_witness(app);
    attnlab::cli::add_zoo(app);
    app.footer(attnlab::cli::exit_codes_text());  // after them: it is theirs, too, if it is there before
    std::string names;
    bool known = argc < 2 || argv[1][0] == '-';
    for (const std::string& command : app.commands()) {
      names += (names.empty() ? "" : ", ") + command;
      known |= !known && command == argv[1];
    }
    if (!known) throw attnlab::InvalidArgument("command", argv[1], "one of " + names);
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
  } catch (const std::exception& error) {
    fmt::print(stderr, "attnlab: internal error: {}\n", error.what());
    return 1;
  }
}
