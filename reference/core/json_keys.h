// Keys that a JSON text gives twice: parsers keep the last and say nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace attnlab {

// The first key that an object of the text has twice; nothing where there is none, or where the text is not JSON. Takes
// time in proportion to the text, whatever is in it.
std::optional<std::string> duplicate_key(std::string_view json_text);

}  // namespace attnlab
