// What the terminal can show: shades of damage and bars, in Unicode or ASCII, with or without colours.
#pragma once

#include <string>

#include "oracle/verdict.h"
#include "reference/attention/problem.h"

namespace attnlab::cli {

struct Screen {
  bool unicode = false;
  bool colour = false;
  int columns = 80;

  std::string red(const std::string& text) const { return painted(text, "31"); }
  std::string green(const std::string& text) const { return painted(text, "32"); }
  // A bar of `share` (0..1) of `width` characters; something is seen of every share but 0.
  std::string bar(double share, int width) const;
  // A character for a share of wrong elements: five of them, the first for 0.
  std::string shade(double share) const;

 private:
  std::string painted(const std::string& text, const char* code) const;
};

// "auto": Unicode where the locale's character set is UTF-8; "unicode"; "ascii". Colours on a terminal only,
// and not where NO_COLOR is set. Throws InvalidArgument naming the option.
Screen screen(const std::string& option, const std::string& picture);

// The damage of a tensor as text: rows by heads, and the worst head as rows by columns. Where all of the
// tensor is wrong alike there is no picture to draw.
std::string heat_map(const attention::Problem& problem, const oracle::DamageMap& map, const Screen& screen);

}  // namespace attnlab::cli
