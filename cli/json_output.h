// JSON on stdout: counts beyond 64 bits stay exact integers.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "simulator/io/traffic.h"

namespace attnlab::cli {

using Json = nlohmann::ordered_json;

// The count as a JSON integer, of any size once printed by dump().
Json json_count(io::Count count);

// Indented text, ending in a newline. What is not UTF-8, such as a file name, is replaced.
std::string dump(const Json& json);

}  // namespace attnlab::cli
