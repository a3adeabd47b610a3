// The most frequent refusal of a size.
#pragma once

#include <string>

#include "reference/core/errors.h"
#include "reference/core/view.h"

namespace attnlab {

// The value. Throws InvalidArgument when it is below `least`.
inline Index at_least(const char* argument, Index value, Index least) {
  if (value < least) {
    throw InvalidArgument(argument, std::to_string(value), std::to_string(least) + " or more");
  }
  return value;
}

}  // namespace attnlab
