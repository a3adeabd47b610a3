#include "simulator/emulator/ptx/syntax.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <cstdlib>
#include <utility>

namespace attnlab::emulator::ptx {
namespace {

bool starts_name(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$'; }
bool in_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$'; }
bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::vector<StatementText> all() {
    std::vector<StatementText> statements;
    int depth = 0;
    for (;;) {
      while (accept(';')) {
      }
      if (at_end()) break;
      begin_ = at_;
      statements.push_back(statement());
      StatementText& last = statements.back();
      last.text = written();
      if (last.kind == StatementText::Kind::open) ++depth;
      if (last.kind == StatementText::Kind::close && --depth < 0) refuse("'}' without '{'");
    }
    if (depth != 0) refuse("'{' without '}'");
    return statements;
  }

 private:
  // The current statement on one line, its runs of white space made one blank.
  std::string written() const {
    std::string line;
    for (const char c : text_.substr(begin_, at_ - begin_)) {
      const bool blank = std::isspace(static_cast<unsigned char>(c)) != 0;
      if (!blank)
        line += c;
      else if (!line.empty() && line.back() != ' ')
        line += ' ';
    }
    while (!line.empty() && (line.back() == ' ' || line.back() == ';')) line.pop_back();
    return line;
  }
  [[noreturn]] void refuse(const std::string& why) {
    at_ = std::min(text_.size(), at_ + 12);
    throw Refused("\"" + written() + "\": " + why);
  }

  void skip() {
    for (;;) {
      while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
      if (text_.substr(at_, 2) == "//") {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (text_.substr(at_, 2) == "/*") {
        const std::size_t end = text_.find("*/", at_ + 2);
        if (end == std::string_view::npos) refuse("a comment without end");
        at_ = end + 2;
      } else {
        return;
      }
    }
  }
  bool at_end() {
    skip();
    return at_ == text_.size();
  }
  char peek() {
    skip();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool accept(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void expect(char c, const char* where) {
    if (!accept(c)) refuse(std::string("expected '") + c + "' " + where);
  }

  // A name, with the % that special registers and some local ones begin with; %= (a number unique to the
  // statement) is dropped, since labels are known inside their text only.
  std::string identifier(const char* what) {
    skip();
    std::string name;
    if (at_ < text_.size() && text_[at_] == '%') {
      at_ += text_.substr(at_, 2) == "%%" ? 2 : 1;
      name = "%";
    }
    if (at_ >= text_.size() || !starts_name(text_[at_])) refuse(std::string("expected ") + what);
    while (at_ < text_.size()) {
      if (in_name(text_[at_]))
        name += text_[at_++];
      else if (text_.substr(at_, 2) == "%=")
        at_ += 2;
      else
        break;
    }
    return name;
  }

  StatementText statement() {
    StatementText s;
    if (accept('{')) {
      s.kind = StatementText::Kind::open;
      return s;
    }
    if (accept('}')) {
      s.kind = StatementText::Kind::close;
      return s;
    }
    if (accept('.')) {
      declaration(s);
      return s;
    }
    if (accept('@')) {
      s.guard_negated = accept('!');
      s.guard = is_argument() ? "%" + std::to_string(argument()) : identifier("a predicate");
    }
    s.opcode = identifier("an instruction");
    if (s.guard.empty() && accept(':')) {
      s.kind = StatementText::Kind::label;
      s.label = std::exchange(s.opcode, {});
      return s;
    }
    while (at_ < text_.size() && text_[at_] == '.') {
      ++at_;
      std::string modifier;
      while (at_ < text_.size() && (in_name(text_[at_]) || text_.substr(at_, 2) == "::")) {
        const bool colons = text_[at_] == ':';
        modifier += colons ? "::" : std::string(1, text_[at_]);
        at_ += colons ? 2 : 1;
      }
      if (modifier.empty()) refuse("a '.' without a modifier");
      s.modifiers.push_back(modifier);
    }
    if (!ends()) {
      do s.operands.push_back(operand());
      while (accept(','));
    }
    if (!ends()) refuse("expected ',' or ';'");
    accept(';');
    return s;
  }
  bool ends() {
    const char c = peek();
    return c == ';' || c == '\0' || c == '}';
  }

  void declaration(StatementText& s) {
    s.kind = StatementText::Kind::declaration;
    const std::string directive = identifier("a directive");
    if (directive != "reg")
      refuse("the directive ." + directive + " is not supported inside an asm statement");
    expect('.', "before a register's type");
    const std::string type = identifier("a type");
    do {
      Declaration d;
      d.type = type;
      d.name = identifier("a register's name");
      if (accept('<')) {
        const OperandText count = number();
        if (count.kind != OperandText::Kind::integer || count.integer < 1 || count.integer > 1024)
          refuse("a number of registers: expected 1 to 1024");
        d.count = static_cast<unsigned>(count.integer);
        expect('>', "after the number of registers");
      }
      s.declarations.push_back(d);
    } while (accept(','));
    expect(';', "after a declaration");
  }

  bool is_argument() {
    skip();
    return at_ + 1 < text_.size() && text_[at_] == '%' && is_digit(text_[at_ + 1]);
  }
  std::int64_t argument() {
    ++at_;
    constexpr std::int64_t kNoSuchOperand = 1000;  // an asm statement has at most 30
    std::int64_t n = 0;
    while (at_ < text_.size() && is_digit(text_[at_]))
      n = std::min(n * 10 + (text_[at_++] - '0'), kNoSuchOperand);
    return n;
  }

  OperandText operand() {
    OperandText first = single();
    if (!accept('|')) return first;
    OperandText pair;
    pair.kind = OperandText::Kind::pair;
    pair.text = first.text + "|";
    pair.parts.push_back(std::move(first));
    pair.parts.push_back(single());
    pair.text += pair.parts.back().text;
    return pair;
  }

  OperandText single() {
    constexpr unsigned kDeepest = 16;
    if (++depth_ > kDeepest) refuse("operands inside operands, more than 16 deep");
    OperandText o = single_at_depth();
    --depth_;
    return o;
  }

  OperandText single_at_depth() {
    skip();
    const std::size_t from = at_;
    OperandText o;
    if (accept('!')) {
      o = single();
      o.negated = !o.negated;
      return o;
    } else if (accept('{')) {
      o.kind = OperandText::Kind::vector;
      do o.parts.push_back(operand());
      while (accept(','));
      expect('}', "after a vector");
    } else if (accept('[')) {
      address(o);
    } else if (accept('(')) {
      o = constant_sum();
      expect(')', "after a constant");
    } else if (const char c = peek(); is_digit(c) || c == '-' || c == '+') {
      o = number();
    } else if (is_argument()) {
      o.kind = OperandText::Kind::argument;
      o.integer = argument();
    } else {
      o.kind = OperandText::Kind::name;
      o.text = identifier("an operand");
      if (at_ + 1 < text_.size() && text_[at_] == '.' && starts_name(text_[at_ + 1])) {
        ++at_;
        o.text += "." + identifier("a component");
      }
      if (o.text == "_") o.kind = OperandText::Kind::sink;
      return o;
    }
    o.text = std::string(text_.substr(from, at_ - from));
    return o;
  }

  // Products bind closer than sums.
  OperandText constant_product() {
    OperandText product = number();
    while (accept('*')) {
      const OperandText factor = number();
      expect_integers(product, factor);
      product.integer = wrapped(bits(product.integer) * bits(factor.integer));
    }
    return product;
  }
  OperandText constant_sum() {
    OperandText sum = constant_product();
    while (peek() == '+' || peek() == '-') {
      const bool minus = text_[at_++] == '-';
      const OperandText term = constant_product();
      expect_integers(sum, term);
      sum.integer = added(sum.integer, term.integer, minus);
    }
    return sum;
  }
  // Constants have 64 bits and wrap.
  static std::uint64_t bits(std::int64_t n) { return static_cast<std::uint64_t>(n); }
  static std::int64_t wrapped(std::uint64_t n) { return static_cast<std::int64_t>(n); }
  static std::int64_t added(std::int64_t a, std::int64_t b, bool minus) {
    return wrapped(minus ? bits(a) - bits(b) : bits(a) + bits(b));
  }
  void expect_integers(const OperandText& a, const OperandText& b) {
    if (a.kind != OperandText::Kind::integer || b.kind != a.kind) refuse("expected integer constants");
  }

  void address(OperandText& o) {
    o.kind = OperandText::Kind::address;
    bool minus = false;
    do {
      while (peek() == '+' || peek() == '-') minus ^= text_[at_++] == '-';
      const OperandText term = single();
      if (term.kind == OperandText::Kind::integer)
        o.integer = added(o.integer, term.integer, minus);
      else if (minus || (term.kind != OperandText::Kind::name && term.kind != OperandText::Kind::argument))
        refuse("an address is a register, plus a constant");
      else
        o.parts.push_back(term);
      minus = false;
    } while (peek() == '+' || peek() == '-');
    if (!accept(']')) refuse("expected ']' after an address");
  }

  OperandText number() {
    OperandText o;
    bool negative = false;
    while (peek() == '-' || peek() == '+') negative ^= text_[at_++] == '-';
    const std::size_t from = at_;
    if (!is_digit(peek())) refuse("expected a number");
    while (at_ < text_.size() && (in_name(text_[at_]) || text_[at_] == '.' || signs_exponent(from))) ++at_;
    std::string digits(text_.substr(from, at_ - from));
    const char kind = digits.size() > 1 && digits[0] == '0' ? digits[1] : '\0';
    char* end = nullptr;
    if (kind == 'f' || kind == 'F' || kind == 'd' || kind == 'D') {
      const bool wide = kind == 'd' || kind == 'D';
      const std::uint64_t pattern = std::strtoull(digits.c_str() + 2, &end, 16);
      if (*end != '\0' || digits.size() != (wide ? 18u : 10u))
        refuse("no floating-point constant: " + digits);
      o.kind = OperandText::Kind::real;
      (wide ? o.exact_f64 : o.exact_f32) = true;
      o.real = wide ? std::bit_cast<double>(pattern)
                    : static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(pattern)));
      if (!wide && !negative) o.integer = static_cast<std::int64_t>(pattern);  // a NaN's bits survive
      if (negative) o.real = -o.real;
      if (negative && !wide)
        o.integer = static_cast<std::int64_t>(static_cast<std::uint32_t>(pattern) ^ 0x80000000u);
      return o;
    }
    const bool hexadecimal = kind == 'x' || kind == 'X';
    if (!hexadecimal && digits.find_first_of(".eE") != std::string::npos) {
      o.kind = OperandText::Kind::real;
      o.real = std::strtod(digits.c_str(), &end);
      if (*end != '\0') refuse("no number: " + digits);
      if (negative) o.real = -o.real;
      return o;
    }
    if (digits.back() == 'U' || digits.back() == 'u') digits.pop_back();
    const bool binary = kind == 'b' || kind == 'B';
    o.integer = static_cast<std::int64_t>(
        std::strtoull(digits.c_str() + (binary ? 2 : 0), &end, binary ? 2 : 0));  // 0: decimal, hex or octal
    if (*end != '\0') refuse("no number: " + digits);
    if (negative) o.integer = added(0, o.integer, true);
    return o;
  }
  // The sign inside 1.5e-3.
  bool signs_exponent(std::size_t from) const {
    const char c = text_[at_], before = text_[at_ - 1];
    return at_ > from && (c == '-' || c == '+') && (before == 'e' || before == 'E') &&
           is_digit(text_[from]) &&
           text_.substr(from, at_ - from).find_first_of("xX") == std::string_view::npos;
  }

  std::string_view text_;
  std::size_t at_ = 0, begin_ = 0;
  unsigned depth_ = 0;  // of operands inside operands
};

}  // namespace

std::vector<StatementText> parse(std::string_view text) { return Parser(text).all(); }

}  // namespace attnlab::emulator::ptx
