#include "simulator/emulator/translate/token.h"

#include <algorithm>
#include <array>
#include <map>

namespace attnlab::emulator::translate {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v'; }

// Longest first. No punctuator but -> begins or continues with `>`, see Source.
constexpr std::array<std::string_view, 25> kPunctuators = {
    "<<<", "<<=", "<=>", "->*", "...", "->", "::", "<<", "<=", "==", "!=", "&&", "||",
    "++",  "--",  "+=",  "-=",  "*=",  "/=", "%=", "&=", "|=", "^=", ".*", "##"};

class Lexer {
 public:
  explicit Lexer(std::string_view text) { source_.text = text; }

  Source run() {
    file("", "\"\"", false);
    source_.tokens.reserve(source_.text.size() / 4);
    while (at_ < text().size()) next();
    add(TokenKind::end, at_);
    return std::move(source_);
  }

 private:
  std::string_view text() const { return source_.text; }
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text().size() ? text()[at_ + ahead] : '\0'; }

  void add(TokenKind kind, std::size_t begin) { source_.tokens.push_back({kind, file_, line_, begin, at_}); }

  void file(const std::string& name, std::string spelled, bool system) {
    const auto [place, fresh] = known_.try_emplace(spelled, static_cast<std::uint32_t>(source_.files.size()));
    if (fresh) source_.files.push_back({name, std::move(spelled), system});
    file_ = place->second;
  }

  void next() {
    const char c = peek();
    if (c == '\n') {
      ++at_, ++line_;
      line_begins_ = true;
      return;
    }
    if (is_blank(c)) {
      ++at_;
      return;
    }
    if (c == '\\' && peek(1) == '\n') {
      at_ += 2, ++line_;
      return;
    }
    if (c == '#' && line_begins_) return directive();
    line_begins_ = false;
    if (c == '/' && peek(1) == '/') {
      while (at_ < text().size() && peek() != '\n') ++at_;
      return;
    }
    if (c == '/' && peek(1) == '*') return block_comment();
    const std::size_t begin = at_;
    if (is_letter(c)) {
      while (is_letter(peek()) || is_digit(peek())) ++at_;
      const std::string_view word = text().substr(begin, at_ - begin);
      if (peek() == '"' && (word == "R" || word == "LR" || word == "uR" || word == "UR" || word == "u8R"))
        return raw_string(begin);
      const bool prefix = word == "L" || word == "u" || word == "U" || word == "u8";
      if (prefix && (peek() == '"' || peek() == '\'')) return quoted(begin);
      return add(TokenKind::identifier, begin);
    }
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number(begin);
    if (c == '"' || c == '\'') return quoted(begin);
    if (spaced_launch()) return add(TokenKind::punctuation, begin);
    for (const std::string_view p : kPunctuators) {
      if (text().substr(at_, p.size()) == p) {
        if (p == "<<<" && after_operator()) continue;
        at_ += p.size();
        return add(TokenKind::punctuation, begin);
      }
    }
    ++at_;
    add(TokenKind::punctuation, begin);
  }

  // << <: as some formatters write it. In C++ it begins nothing but operator<< <T>.
  bool spaced_launch() {
    if (peek() != '<' || peek(1) != '<' || after_operator()) return false;
    std::size_t ahead = 2;
    while (is_blank(peek(ahead))) ++ahead;
    if (ahead == 2 || peek(ahead) != '<') return false;
    at_ += ahead + 1;
    return true;
  }

  // operator<<<T>(...): the shift operator's template arguments.
  bool after_operator() const {
    return !source_.tokens.empty() && source_.is(source_.tokens.size() - 1, "operator");
  }

  void block_comment() {
    const std::size_t close = text().find("*/", at_ + 2);
    const std::size_t stop = close == std::string_view::npos ? text().size() : close + 2;
    for (; at_ < stop; ++at_) line_ += peek() == '\n';
  }

  void number(std::size_t begin) {
    for (;; ++at_) {
      const char c = peek(), before = text()[at_ - (at_ > begin)];
      const bool exponent = before == 'e' || before == 'E' || before == 'p' || before == 'P';
      if (is_letter(c) || is_digit(c) || c == '.' || (c == '\'' && is_letter_or_digit(peek(1))) ||
          ((c == '+' || c == '-') && exponent && at_ > begin))
        continue;
      break;
    }
    add(TokenKind::number, begin);
  }
  static bool is_letter_or_digit(char c) { return is_letter(c) || is_digit(c); }

  void quoted(std::size_t begin) {
    const char quote = peek();
    for (++at_; at_ < text().size() && peek() != quote && peek() != '\n'; ++at_)
      if (peek() == '\\') ++at_;
    at_ = std::min(at_, text().size());  // a backslash that is the last character
    if (peek() == quote) ++at_;
    while (is_letter(peek()) || is_digit(peek())) ++at_;  // a user-defined literal's suffix
    add(quote == '"' ? TokenKind::string : TokenKind::character, begin);
  }

  void raw_string(std::size_t begin) {
    const std::size_t open = text().find('(', at_);
    const std::string close = ")" + std::string(text().substr(at_ + 1, open - at_ - 1)) + "\"";
    const std::size_t found = text().find(close, open);
    const std::size_t stop = found == std::string_view::npos ? text().size() : found + close.size();
    const std::uint32_t first = line_;
    for (; at_ < stop; ++at_) line_ += peek() == '\n';
    add(TokenKind::string, begin);
    source_.tokens.back().line = first;
  }

  void directive() {
    const std::size_t begin = at_;
    const std::size_t stop = std::min(text().find('\n', at_), text().size());
    const std::string_view line = text().substr(begin, stop - begin);
    at_ = stop;
    std::size_t word = 1;
    while (word < line.size() && is_blank(line[word])) ++word;
    const std::string_view rest = line.substr(std::min(word, line.size()));
    if (rest.starts_with("pragma")) return add(TokenKind::pragma, begin);
    if (!rest.empty() && is_digit(rest[0])) marker(rest);
  }

  // 12 "file" 1 3: the next line is line 12 of file; 1: it has just been entered, 3: a system header. Inside
  // a file, flag 3 also marks the expansion of a system header's macro, which says nothing about the file.
  void marker(std::string_view rest) {
    std::uint32_t line = 0;
    std::size_t i = 0;
    for (; i < rest.size() && is_digit(rest[i]); ++i)
      line = line * 10 + static_cast<std::uint32_t>(rest[i] - '0');
    const std::size_t open = rest.find('"', i);
    if (open == std::string_view::npos) return;
    std::size_t close = open + 1;
    while (close < rest.size() && rest[close] != '"') close += rest[close] == '\\' ? 2 : 1;
    if (close >= rest.size()) return;
    const std::string spelled(rest.substr(open, close + 1 - open));
    const std::string_view flags = rest.substr(close + 1);
    const bool entered = flags.find('1') != std::string_view::npos;
    file(literal_value(spelled), spelled, entered && flags.find('3') != std::string_view::npos);
    line_ = line - 1;  // the marker's own line break follows
  }

  Source source_;
  std::map<std::string, std::uint32_t> known_;
  std::size_t at_ = 0;
  std::uint32_t line_ = 1, file_ = 0;
  bool line_begins_ = true;
};

}  // namespace

Source tokenize(std::string_view text) { return Lexer(text).run(); }

std::string literal_value(std::string_view spelled) {
  const std::size_t quote = spelled.find('"');
  if (quote > 0 && quote != std::string_view::npos && spelled[quote - 1] == 'R') {
    const std::size_t open = spelled.find('(', quote);
    const std::size_t delimiter = open - quote - 1;
    return std::string(spelled.substr(open + 1, spelled.size() - open - 3 - delimiter));
  }
  std::string value;
  for (std::size_t i = quote + 1; i < spelled.size() && spelled[i] != '"'; ++i) {
    if (spelled[i] != '\\') {
      value += spelled[i];
      continue;
    }
    const char c = spelled[++i];
    if (c >= '0' && c <= '7') {
      int code = 0;
      std::size_t digits = 0;
      for (; digits < 3 && i < spelled.size() && spelled[i] >= '0' && spelled[i] <= '7'; ++digits, ++i)
        code = code * 8 + (spelled[i] - '0');
      --i;
      value += static_cast<char>(code);
    } else {
      constexpr std::string_view names = "ntrabfv", values = "\n\t\r\a\b\f\v";
      const std::size_t known = names.find(c);
      value += known == std::string_view::npos ? c : values[known];
    }
  }
  return value;
}

}  // namespace attnlab::emulator::translate
