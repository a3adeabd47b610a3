// What `attnlab io` prints.
#pragma once

#include <string>

#include "answers/io.h"

namespace attnlab::cli {

std::string to_text(const answers::IoQuestion& question, const answers::IoAnswer& answer);

}  // namespace attnlab::cli
