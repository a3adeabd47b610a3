#include "cli/refusal.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <stdexcept>

#include "answers/error.h"
#include "reference/core/errors.h"

namespace attnlab::cli {
namespace {

using Names = std::map<std::string, std::string>;

std::map<std::string, Names>& spellings() {  // by the command's name
  static std::map<std::string, Names> all;
  return all;
}

constexpr std::size_t kLongest = 200;  // of what was typed

// A text with its middle left out.
std::string shortened(const std::string& text) {
  if (text.size() <= kLongest) return text;
  return fmt::format("{} ... ({} characters) ... {}", text.substr(0, kLongest / 2), text.size(),
                     text.substr(text.size() - kLongest / 4));
}

// The refusal in the words of the command that was parsed.
InvalidArgument as_typed(const Command& app, const InvalidArgument& refusal) {
  const Names& names = spellings()[app.parsed()];
  const auto in_text = [&](const std::string& field) {
    const auto found = names.find(field);
    return found == names.end() ? option_like(field) : found->second;
  };
  const auto own = names.find(refusal.argument());
  return {own == names.end() ? refusal.argument() : own->second,
          shortened(answers::spelled(refusal.value(), in_text)),
          answers::spelled(refusal.expected(), in_text)};
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

std::string option_like(std::string field) {
  std::ranges::replace(field, '_', '-');
  return "--" + field;
}

void spell_fields(const Command& command, Names options) { spellings()[command.name()] = std::move(options); }

int refuse(const Command& app, const std::exception& error, bool json) {
  if (const auto* refused = dynamic_cast<const InvalidArgument*>(&error)) {
    return say(as_typed(app, *refused), "", json);
  }
  if (const auto* refused = dynamic_cast<const FileError*>(&error))
    return say(FileError(shortened(refused->path()), refused->problem()), "", json);
  const std::string command = app.parsed().empty() ? "" : " " + app.parsed();
  return say(std::runtime_error(shortened(error.what())), fmt::format(" (see attnlab{} --help)", command),
             json);  // CLI::ParseError
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
