// What `attnlab traffic` prints.
#pragma once

#include <string>

#include "answers/traffic.h"

namespace attnlab::cli {

std::string to_text(const answers::TrafficQuestion& question, const answers::TrafficAnswer& answer);

}  // namespace attnlab::cli
