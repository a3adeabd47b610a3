// JSON on stdout, where counts beyond 64 bits stay exact integers, and from files.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "simulator/io/traffic.h"

namespace attnlab::answers {

using Json = nlohmann::ordered_json;

// The count as a JSON integer, of any size once printed by dump().
Json json_count(io::Count count);

// Indented text, ending in a newline. What is not UTF-8, such as a file name, is replaced.
std::string dump(const Json& json);

// The JSON in a file. Throws FileError when there is none.
Json read_json(const std::filesystem::path& path);

}  // namespace attnlab::answers
