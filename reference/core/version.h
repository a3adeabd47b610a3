// The version of attnlab, from the one place where it stands: project(attnlab VERSION ...) of CMakeLists.txt.
#pragma once

#include <string_view>

namespace attnlab {

std::string_view version();  // "0.1.0"

}  // namespace attnlab
