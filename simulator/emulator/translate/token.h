// Preprocessed C++ (the output of g++ -E) as tokens that know their file and line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace attnlab::emulator::translate {

enum class TokenKind : std::uint8_t { identifier, number, string, character, punctuation, pragma, end };

struct Token {
  TokenKind kind = TokenKind::end;
  std::uint32_t file = 0;          // index into Source::files
  std::uint32_t line = 0;          // in that file
  std::size_t begin = 0, end = 0;  // in the text
};

struct SourceFile {
  std::string name;     // as a reader knows it
  std::string spelled;  // as the line marker has it, quotes and escapes included
  bool system = false;  // g++ treats it as a system header
};

// The tokens of a text, without white space, comments and line markers. A `>` is always a token of its own,
// since only the parser knows whether two of them close templates or shift; `<<<` is one token, as is the
// `<< <` of some formatters. A #pragma line is one token without its line break; other directives are
// skipped. The last token is of kind end.
struct Source {
  std::string_view text;
  std::vector<Token> tokens;
  std::vector<SourceFile> files;

  // Empty beyond either end.
  std::string_view spelling(std::size_t index) const {
    if (index >= tokens.size()) return {};
    const Token& token = tokens[index];
    return text.substr(token.begin, token.end - token.begin);
  }
  bool is(std::size_t index, std::string_view spelled) const { return spelling(index) == spelled; }
  bool opens_launch(std::size_t index) const {
    const std::string_view spelled = spelling(index);
    return spelled.starts_with("<<") && spelled.size() > 2 && spelled.back() == '<';
  }
  // Whether nothing, not even white space, lies between this token and the next.
  bool adjacent(std::size_t index) const { return tokens[index].end == tokens[index + 1].begin; }
};

// text must outlive the result. Tokens before the first line marker belong to a file of no name.
Source tokenize(std::string_view text);

// The content of a string literal token, escapes resolved; raw literals too.
std::string literal_value(std::string_view spelled);

}  // namespace attnlab::emulator::translate
