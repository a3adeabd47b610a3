#include "cli/json_output.h"

#include <fstream>
#include <regex>

#include "reference/core/errors.h"

namespace attnlab::cli {

Json json_count(io::Count count) {
  if (count <= UINT64_MAX) return static_cast<std::uint64_t>(count);
  return "@integer " +
         io::to_string(count);  // nlohmann-json has no larger integer: dump() takes the quotes away
}

std::string dump(const Json& json) {
  static const std::regex quoted(R"re("@integer (\d+)")re");
  return std::regex_replace(json.dump(2, ' ', false, Json::error_handler_t::replace), quoted, "$1") + "\n";
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

}  // namespace attnlab::cli
