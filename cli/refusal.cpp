#include "cli/refusal.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <vector>

#include "answers/error.h"
#include "answers/quantity.h"
#include "cli/field_options.h"
#include "reference/core/errors.h"

namespace attnlab::cli {
namespace {

constexpr std::size_t kLongest = 200;  // of what was typed

// A text with its middle left out.
std::string shortened(const std::string& text) {
  if (text.size() <= kLongest) return text;
  return fmt::format("{} ... ({} characters) ... {}", text.substr(0, kLongest / 2), text.size(),
                     text.substr(text.size() - kLongest / 4));
}

// Whether two texts are one number, such as 64k and 65536.
bool same_number(const std::string& a, const std::string& b) {
  const auto number = [](const std::string& text) -> std::optional<double> {
    try {
      return static_cast<double>(answers::parse_bytes("", text));
    } catch (const InvalidArgument&) {
      char* end = nullptr;
      const double value = std::strtod(text.c_str(), &end);
      return !text.empty() && *end == '\0' ? std::optional(value) : std::nullopt;
    }
  };
  const auto first = number(a), second = number(b);
  return first && second && *first == *second;
}

// The refusal in the words of the command that was parsed.
InvalidArgument as_typed(const Command& command, const InvalidArgument& refusal) {
  const std::string argument = argument_as_option(command, refusal.argument());
  const std::vector<std::string> typed = command.typed(argument);
  const bool as_it_was = typed.size() == 1 && same_number(typed[0], refusal.value());
  return {argument, as_it_was ? typed[0] : refusal.value(), fields_as_options(command, refusal.expected())};
}

// What the parser found, which says it in a sentence: "A is required", "A excludes B", "A requires B".
std::optional<InvalidArgument> parsers_refusal(const std::string& text) {
  const std::size_t first = text.find(' '), second = text.find(' ', first + 1);
  if (first == std::string::npos || second == std::string::npos) return std::nullopt;
  const std::string option = text.substr(0, first), verb = text.substr(first + 1, second - first - 1),
                    other = text.substr(second + 1);
  if (verb == "is" && other == "required") return InvalidArgument(option, "nothing", "a value");
  if (verb == "excludes") return InvalidArgument(option, "both", "it or " + other);
  if (verb == "requires") return InvalidArgument(option, "it alone", other + " beside it");
  return std::nullopt;
}

// What a terminal would obey is spelled: names of files and of tensors hold any character.
std::string printable(const std::string& text) {
  std::string result;
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    result += code < 0x20 || code == 0x7f ? fmt::format("\\x{:02x}", code) : std::string(1, c);
  }
  return result;
}

int say(const std::exception& error, const std::string& more, bool json) {
  fmt::print(stderr, "attnlab: {}{}\n", printable(error.what()), more);
  if (json) fmt::print("{}", answers::dump(answers::error_json(error)));
  return kRefused;
}

}  // namespace

std::string exit_codes_text() {
  std::string text = "Exit codes:\n";
  for (const ExitCodeRow& row : kExitCodes) text += fmt::format("  {:<8} {}\n", row.codes, row.meaning);
  return text;
}

int refuse(const Command& app, const std::exception& error, bool json) {
  const auto command = app.parsed();
  std::optional<InvalidArgument> refused;
  if (const auto* ours = dynamic_cast<const InvalidArgument*>(&error)) {
    refused = command ? as_typed(*command, *ours) : *ours;
  } else if (const auto* file = dynamic_cast<const FileError*>(&error)) {
    return say(FileError(shortened(file->path()), file->problem()), "", json);
  } else {
    refused = parsers_refusal(error.what());
  }
  if (refused) {
    return say(
        InvalidArgument(shortened(refused->argument()), shortened(refused->value()), refused->expected()), "",
        json);
  }
  const std::string help = command ? " " + command->name() : "";
  return say(std::runtime_error(shortened(error.what())), fmt::format(" (see attnlab{} --help)", help), json);
}

bool wants_json(int argc, const char* const* argv) {
  for (int n = 1; n < argc && std::string_view(argv[n]) != "--"; ++n) {
    if (std::string_view(argv[n]) != "--json") continue;
    // attnlab emulate --json report.json writes a file.
    return n + 1 == argc || !std::string_view(argv[n + 1]).ends_with(".json");
  }
  return false;
}

}  // namespace attnlab::cli
