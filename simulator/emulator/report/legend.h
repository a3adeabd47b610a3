// What the words of a report mean: for its page, and for `attnlab emulate --help`.
#pragma once

#include <span>

namespace attnlab::emulator {

struct Term {
  const char *name, *meaning;  // as a column is headed; a sentence or two
};
std::span<const Term> terms();

}  // namespace attnlab::emulator
