// The kernels there are, from their rows (cuda/host/kernel.h).
#pragma once

#include <string>

#include "answers/json.h"

namespace attnlab::answers {

// One object per kernel, in the order of the ladder.
Json kernels_json();

// For a terminal: three lines per kernel.
std::string kernels_text();

}  // namespace attnlab::answers
