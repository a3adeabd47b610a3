#include "cli/refusal.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <optional>

#include "answers/error.h"
#include "reference/core/errors.h"

namespace attnlab::cli {
namespace {

using Names = std::map<std::string, std::string>;

std::map<std::string, Names>& spellings() {  // by the command's name
  static std::map<std::string, Names> all;
  return all;
}

// The refusal in the words of the command that was parsed.
InvalidArgument as_typed(const Command& app, const InvalidArgument& refusal) {
  const Names& names = spellings()[app.parsed()];
  const auto in_text = [&](const std::string& field) {
    const auto found = names.find(field);
    return found == names.end() ? option_like(field) : found->second;
  };
  const auto own = names.find(refusal.argument());
  return {own == names.end() ? refusal.argument() : own->second, answers::spelled(refusal.value(), in_text),
          answers::spelled(refusal.expected(), in_text)};
}

int say(const std::exception& error, const std::string& more, bool json) {
  fmt::print(stderr, "attnlab: {}{}\n", error.what(), more);
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
  if (dynamic_cast<const FileError*>(&error) != nullptr) return say(error, "", json);
  return say(error, " (see attnlab --help)", json);  // CLI::ParseError
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
