// A command of the program and its options: what this program uses of CLI11. CLI11's own header costs every file that
// includes it some ten seconds of compiling: options.cpp and main.cpp alone do.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace attnlab::cli {

// The end of a command that has said what there is to say, with the program's exit code.
struct Exit {
  int code;
};

// "--seqlen" of "--seqlen,-N": what refusals call an option.
std::string first_name(const std::string& names);

class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}

  Option excludes(const Option& other) const;  // refused beside it
  Option needs(const Option& other) const;     // refused without it
  Option required() const;
  Option type_name(const std::string& name) const;  // in help: "FILE"
  Option show_default() const;                      // the variable's value now, in help
  Option one_value_each() const;                    // of a list: --set A --set B, not --set A B

 private:
  CLI::Option* option_;
};

// A handle; the application owns what it names. Variables that options are read into must outlive the parse, and keep
// their values where an option is absent.
class Command {
 public:
  explicit Command(CLI::App& app) : app_(&app) {}

  Command add_command(const std::string& name, const std::string& help);
  void footer(const std::string& text);
  void callback(std::function<void()> run);
  // Takes everything behind its name as it stands: remaining().
  void take_the_rest();
  std::vector<std::string> remaining() const;

  // A name without hyphens is a positional argument.
  Option add_option(const std::string& names, std::string& value, const std::string& help);
  Option add_option(const std::string& names, std::optional<std::string>& value, const std::string& help);
  Option add_option(const std::string& names, std::vector<std::string>& values, const std::string& help);
  Option add_option(const std::string& names, double& value, const std::string& help);
  Option add_option(const std::string& names, std::optional<double>& value, const std::string& help);
  // The value's text, to be read by the caller.
  Option add_option(const std::string& names, const std::function<void(const std::string&)>& read,
                    const std::string& help);
  Option add_flag(const std::string& name, bool& flag, const std::string& help);

  std::string name() const;
  bool has(const std::string& option) const;
  bool given(const std::string& option) const;
  std::vector<std::string> typed(const std::string& option) const;  // its values' texts
  std::optional<Command> parsed() const;                            // the command that was typed

 private:
  CLI::App* app_;
};

// Reads options from among words that are others': `define` adds them, and what is not theirs comes back in its order.
using Define = std::function<void(Command&)>;
std::vector<std::string> pick_options(const Define& define, std::vector<std::string> words);
// A command that has just these options, for what asks a command: which option a field is (field_options.h).
void with_options(const Define& define, const std::function<void(const Command&)>& use);
// Those options, as --help lists them.
std::string options_text(const Define& define);

}  // namespace attnlab::cli
