#include "cli/json_output.h"

#include <regex>

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

}  // namespace attnlab::cli
