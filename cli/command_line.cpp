#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "reference/core/errors.h"

namespace attnlab::cli {
namespace {

using Words = std::vector<std::string>;

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }
bool takes_many(const CLI::Option& option) {
  return option.get_items_expected_max() > 1 || option.get_allow_extra_args();
}

// A word as an option: "--seqlen=64" and "-N64" have their value in them.
struct Typed {
  std::string name;
  std::optional<std::string> value;
};
std::optional<Typed> as_option(const std::string& word) {
  if (word.size() < 2 || word[0] != '-') return std::nullopt;
  if (word[1] != '-') {
    return Typed{word.substr(0, 2), word.size() > 2 ? std::optional(word.substr(2)) : std::nullopt};
  }
  const std::size_t equals = word.find('=');
  if (equals == std::string::npos) return Typed{word, std::nullopt};
  return Typed{word.substr(0, equals), word.substr(equals + 1)};
}

const CLI::Option* find(const CLI::App& command, const std::string& word) {
  const auto typed = as_option(word);
  return typed ? command.get_option_no_throw(typed->name) : nullptr;
}

std::string said(const std::string& word) { return word.empty() ? "an empty text" : word; }

std::string help_of(const CLI::App& command) {
  return command.get_parent() == nullptr ? "attnlab --help" : "attnlab " + command.get_name() + " --help";
}

// Of no words: nothing was typed.
const CLI::App& command_named(const CLI::App& program, const Words& typed) {
  const std::string word = typed.empty() ? "nothing" : said(typed.front());
  std::string names;
  for (const CLI::App* command : program.get_subcommands({})) {
    if (command->get_name() == word) return *command;
    names += (names.empty() ? "" : ", ") + command->get_name();
  }
  throw InvalidArgument("command", word, "one of " + names);
}

// The words behind a command's name, or in front of it.
class Line {
 public:
  Line(const CLI::App& command, const Words& words) : command_(command), words_(words) {}

  // Takes the options from `at` on, up to a word that is none, and returns where that is.
  std::size_t take_options(std::size_t at) {
    while (at < words_.size() && words_[at] != "--" && as_option(words_[at])) at = take_option(at);
    return at;
  }

  void take_word(const std::string& word) {
    if (words_taken_++ < room_for_words()) return;
    throw InvalidArgument(command_.get_name(), said(word), "no further word (see " + help_of(command_) + ")");
  }

 private:
  std::size_t take_option(std::size_t at) {
    const Typed typed = *as_option(words_[at++]);
    const CLI::Option* option = command_.get_option_no_throw(typed.name);
    if (option == nullptr)
      throw InvalidArgument(typed.name, "an option that does not exist", "one of " + help_of(command_));
    if (!takes_value(*option)) {
      if (typed.value) throw InvalidArgument(typed.name, *typed.value, "no value");
      if (values_[option].size() > 0) throw InvalidArgument(typed.name, "it twice", "it once");
      values_[option].emplace_back();
      return at;
    }
    if (typed.value) {
      add(*option, typed, *typed.value);
      return at;
    }
    const auto is_value = [&] {
      return at < words_.size() && words_[at] != "--" && find(command_, words_[at]) == nullptr;
    };
    if (!is_value()) throw InvalidArgument(typed.name, "nothing", "a value");
    do {
      add(*option, typed, words_[at++]);
    } while (takes_many(*option) && is_value() && !as_option(words_[at]));
    return at;
  }

  void add(const CLI::Option& option, const Typed& typed, const std::string& value) {
    Words& values = values_[&option];
    values.push_back(value);
    if (values.size() > 1 && option.get_items_expected_max() == 1)
      throw InvalidArgument(typed.name, values[0] + " and " + values[1], "one value");
  }

  std::size_t room_for_words() const {
    std::size_t room = 0;
    for (const CLI::Option* option : command_.get_options()) {
      if (!option->get_positional()) continue;
      if (takes_many(*option)) return words_.size();
      ++room;
    }
    return room;
  }

  const CLI::App& command_;
  const Words& words_;
  std::size_t words_taken_ = 0;
  std::map<const CLI::Option*, Words> values_;
};

}  // namespace

void check_command_line(const CLI::App& program, int argc, const char* const* argv) {
  const Words words(argv + std::min(argc, 1), argv + argc);
  const std::size_t name = Line(program, words).take_options(0);
  if (name == words.size() && name > 0) return;
  const CLI::App& command =
      command_named(program, {words.begin() + static_cast<std::ptrdiff_t>(name), words.end()});
  if (command.get_prefix_command()) return;
  Line line(command, words);
  for (std::size_t at = line.take_options(name + 1); at < words.size(); at = line.take_options(at + 1)) {
    if (words[at] == "--") return;
    line.take_word(words[at]);
  }
}

}  // namespace attnlab::cli
