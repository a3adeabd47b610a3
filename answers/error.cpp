#include "answers/error.h"

#include <algorithm>
#include <string_view>

#include "reference/core/errors.h"

namespace attnlab::answers {
namespace {

std::string without_quotes(const std::string& value) {
  const bool quoted =
      value.size() >= 2 && value.front() == value.back() && (value.front() == '\'' || value.front() == '"');
  return quoted ? value.substr(1, value.size() - 2) : value;
}

// What would have served, by what a FileError's sentence says of the file.
struct Expected {
  std::string_view said, expected;
};
constexpr Expected kExpected[] = {
    {"cannot be written", "a file that can be written"},
    {"is a directory", "a file"},
    {"is not a regular file", "a regular file"},
    {"names no file", "a file's name"},
    {"cannot be made", "a folder that can be made"},
    {"cannot be created", "a folder that can be made"},
    {"cannot be run", "a program that can be run"},
    {"no such data folder", "attnlab's data folder"},
    {"", "a whole file that can be read"},
};

Json file_error_parts(const FileError& error) {
  constexpr std::string_view kMark = ", expected ";
  const std::string& problem = error.problem();
  if (const std::size_t at = problem.rfind(kMark); at != std::string::npos) {
    return {{"argument", error.path()},
            {"got", problem.substr(0, at)},
            {"expected", problem.substr(at + kMark.size())}};
  }
  const auto row = std::ranges::find_if(
      kExpected, [&](const Expected& one) { return problem.find(one.said) != std::string::npos; });
  return {{"argument", error.path()}, {"got", problem}, {"expected", row->expected}};
}

}  // namespace

Json error_json(const std::exception& error) {
  Json parts = {{"argument", nullptr}, {"got", error.what()}, {"expected", nullptr}};
  if (const auto* refused = dynamic_cast<const InvalidArgument*>(&error)) {
    parts = {{"argument", refused->argument()},
             {"got", without_quotes(refused->value())},
             {"expected", refused->expected()}};
  } else if (const auto* file = dynamic_cast<const FileError*>(&error)) {
    parts = file_error_parts(*file);
  }
  return {{"error", parts}};
}

std::string spelled(const std::string& text, const std::function<std::string(const std::string&)>& spell) {
  std::string result;
  std::size_t from = 0;
  for (std::size_t open; (open = text.find('`', from)) != std::string::npos;) {
    const std::size_t close = text.find('`', open + 1);
    if (close == std::string::npos) break;
    result.append(text, from, open - from).append(spell(text.substr(open + 1, close - open - 1)));
    from = close + 1;
  }
  return result.append(text, from);
}

}  // namespace attnlab::answers
