#include "answers/json.h"

#include <fstream>
#include <string_view>

#include "reference/core/errors.h"

namespace attnlab::answers {

namespace {

// nlohmann-json has no integer beyond 64 bits: one is text with this in front, and dump() takes the quotes
// away.
constexpr std::string_view kInteger = "\"@integer ";

}  // namespace

Json json_count(io::Count count) {
  if (count <= UINT64_MAX) return static_cast<std::uint64_t>(count);
  return std::string(kInteger.substr(1)) + io::to_string(count);
}

// By hand: std::regex depends on the C++ library's locales, which a program has twice where an extension
// module brings its own C++ library along, and then crashes.
std::string dump(const Json& json) {
  const std::string text = json.dump(2, ' ', false, Json::error_handler_t::replace);
  std::string out;
  std::size_t from = 0;
  for (std::size_t at; (at = text.find(kInteger, from)) != std::string::npos;) {
    const std::size_t digits = at + kInteger.size(), end = text.find_first_not_of("0123456789", digits);
    const bool integer = end > digits && text[end] == '"';
    out.append(text, from, at - from).append(text, integer ? digits : at, end - (integer ? digits : at));
    from = integer ? end + 1 : end;
  }
  return out.append(text, from).append("\n");
}

Json read_json(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) throw FileError(path.string(), "cannot be opened");
  try {
    return Json::parse(file);
  } catch (const Json::exception& error) {
    throw FileError(path.string(), error.what());
  }
}

}  // namespace attnlab::answers
