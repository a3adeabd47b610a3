// CUDA C++ source as HTML: escaped, with comments, strings, keywords and CUDA's own words marked.
#pragma once

#include <string>
#include <string_view>

namespace attnlab::emulator {

// Text as HTML, for elements and for attributes in double quotes. Control characters and what is not UTF-8
// become U+FFFD.
std::string escaped(std::string_view text);

// Marks up one file, line after line: a comment may span lines.
class Highlighter {
 public:
  // The line as HTML. Elements: <i> comment, <s> string or number, <b> keyword, <u> CUDA's words; none spans
  // lines.
  std::string line(std::string_view text);

 private:
  bool in_comment_ = false;
};

}  // namespace attnlab::emulator
