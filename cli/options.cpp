#include "cli/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <type_traits>
#include <utility>

#include "reference/core/errors.h"

namespace attnlab::cli {
namespace {

// An empty text is a variable of a script's that is not set: nobody means it, and it would stand for "not given".
CLI::Option* with_text(CLI::Option* option) {
  return option->check(CLI::Validator(
      [option](const std::string& text) {
        if (text.empty()) throw InvalidArgument(option->get_name(), "an empty text", "a value");
        return std::string();
      },
      ""));
}

// A number, refused in our words: CLI11's name no expectation. Variable: double, or an optional one.
template <class Variable>
CLI::Option* add_number(CLI::App& app, const std::string& names, Variable& value, const std::string& help) {
  CLI::Option* option = app.add_option_function<std::string>(
      names,
      [&value, name = first_name(names)](const std::string& text) {
        double number = 0;
        const bool plus = text.starts_with('+') && !text.starts_with("+-");  // which from_chars does not take
        const auto [end, error] = std::from_chars(text.data() + plus, text.data() + text.size(), number);
        if (error != std::errc{} || end != text.data() + text.size())
          throw InvalidArgument(name, "'" + text + "'", "a number such as 0.5 or 1e-3");
        value = number;
      },
      help);
  option->type_name("FLOAT");
  if constexpr (std::is_same_v<Variable, double>)
    option->default_function([&value] { return CLI::detail::to_string(value); });
  return option;
}

}  // namespace

std::string first_name(const std::string& names) { return names.substr(0, names.find(',')); }

Option Option::excludes(const Option& other) const { return Option(option_->excludes(other.option_)); }
Option Option::needs(const Option& other) const { return Option(option_->needs(other.option_)); }
Option Option::required() const { return Option(option_->required()); }
Option Option::type_name(const std::string& name) const { return Option(option_->type_name(name)); }
Option Option::show_default() const { return Option(option_->capture_default_str()); }
Option Option::one_value_each() const { return Option(option_->allow_extra_args(false)); }

Command Command::add_command(const std::string& name, const std::string& help) {
  return Command(*app_->add_subcommand(name, help));
}
void Command::footer(const std::string& text) { app_->footer(text); }
void Command::callback(std::function<void()> run) { app_->callback(std::move(run)); }
void Command::take_the_rest() { app_->prefix_command(); }
std::vector<std::string> Command::remaining() const { return app_->remaining(); }

Option Command::add_option(const std::string& names, std::string& value, const std::string& help) {
  return Option(with_text(app_->add_option(names, value, help)));
}
Option Command::add_option(const std::string& names, std::optional<std::string>& value,
                           const std::string& help) {
  return Option(with_text(app_->add_option(names, value, help)));
}
Option Command::add_option(const std::string& names, std::vector<std::string>& values,
                           const std::string& help) {
  return Option(with_text(app_->add_option(names, values, help)));
}
Option Command::add_option(const std::string& names, double& value, const std::string& help) {
  return Option(add_number(*app_, names, value, help));
}
Option Command::add_option(const std::string& names, std::optional<double>& value, const std::string& help) {
  return Option(add_number(*app_, names, value, help));
}
Option Command::add_option(const std::string& names, const std::function<void(const std::string&)>& read,
                           const std::string& help) {
  return Option(app_->add_option_function<std::string>(names, read, help));
}
Option Command::add_flag(const std::string& name, bool& flag, const std::string& help) {
  return Option(app_->add_flag(name, flag, help));
}

std::string Command::name() const { return app_->get_name(); }
bool Command::has(const std::string& option) const {
  return std::as_const(*app_).get_option_no_throw(option) != nullptr;
}
bool Command::given(const std::string& option) const { return app_->get_option(option)->count() != 0; }
std::vector<std::string> Command::typed(const std::string& option) const {
  const CLI::Option* own = std::as_const(*app_).get_option_no_throw(option);
  return own == nullptr ? std::vector<std::string>() : own->results();
}
std::optional<Command> Command::parsed() const {
  const auto commands = app_->get_subcommands();
  return commands.empty() ? std::nullopt : std::optional(Command(*commands.front()));
}

std::vector<std::string> pick_options(const Define& define, std::vector<std::string> words) {
  CLI::App app;
  app.set_help_flag("");
  app.allow_extras();
  Command command(app);
  define(command);
  std::ranges::reverse(words);  // CLI11 takes them from the back
  app.parse(words);
  return app.remaining();
}

void with_options(const Define& define, const std::function<void(const Command&)>& use) {
  CLI::App app;
  Command command(app);
  define(command);
  use(command);
}

std::string options_text(const Define& define) {
  CLI::App app;
  app.set_help_flag("");
  Command command(app);
  define(command);
  return CLI::Formatter().make_groups(&app, CLI::AppFormatMode::Normal);
}

}  // namespace attnlab::cli
