// A number as refusals show it: as short as it was typed.
#pragma once

#include <charconv>
#include <string>

namespace attnlab {

// The fewest digits that give this number again ("0.1", "1e+300", "nan"); or so many significant ones.
inline std::string number_text(double value, int digits = 0) {
  char text[32];
  const auto end = digits > 0
                       ? std::to_chars(text, text + sizeof text, value, std::chars_format::general, digits)
                       : std::to_chars(text, text + sizeof text, value);
  return {text, end.ptr};
}

}  // namespace attnlab
