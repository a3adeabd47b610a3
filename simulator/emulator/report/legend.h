// What the words of a report mean: for its page, and for `attnlab emulate --help`.
#pragma once

#include <span>
#include <string>

namespace attnlab::emulator {

struct Term {
  const char *name, *meaning;  // as a column is headed; a sentence or two
};
std::span<const Term> terms();

// The end of a page: the terms as a list, and a last sentence below it, if there is one.
std::string legend_html(std::span<const Term> terms, const std::string& last = "");

}  // namespace attnlab::emulator
