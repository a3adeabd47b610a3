#include "answers/labs/formula.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <ranges>

#include "reference/core/errors.h"

namespace attnlab::answers::labs {
namespace {

// By recursive descent: sum = product {+ product}, product = factor {* factor}.
class Parser {
 public:
  Parser(const std::string& text, const std::map<std::string, double>& names) : text_(text), names_(names) {}

  double all() {
    const double value = sum();
    if (!ended()) refuse("the end");
    return value;
  }

 private:
  static constexpr int kDeepest = 50;

  bool ended() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    return at_ == text_.size();
  }
  bool takes(char c) {
    if (ended() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void need(char c) {
    if (!takes(c)) refuse(std::string(1, c));
  }
  [[noreturn]] void refuse(const std::string& expected) const {
    throw InvalidArgument("formula", text_, expected + " at character " + std::to_string(at_ + 1));
  }

  double sum() {
    double value = product();
    for (;;) {
      if (takes('+')) {
        value += product();
      } else if (takes('-')) {
        value -= product();
      } else {
        return value;
      }
    }
  }
  double product() {
    double value = factor();
    for (;;) {
      if (takes('*')) {
        value *= factor();
      } else if (takes('/')) {
        value /= factor();
      } else {
        return value;
      }
    }
  }
  double factor() {
    if (++depth_ > kDeepest) refuse("fewer parentheses");
    const double value = unnested_factor();
    --depth_;
    return value;
  }
  double unnested_factor() {
    if (takes('(')) {
      const double value = sum();
      need(')');
      return value;
    }
    if (ended()) refuse("a number or a name");
    if (std::isalpha(static_cast<unsigned char>(text_[at_])) != 0) return name();
    double value = 0;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc{}) refuse("a number or a name");
    at_ = static_cast<std::size_t>(end - text_.data());
    return value;
  }
  double name() {
    const std::size_t begin = at_;
    while (at_ < text_.size() &&
           (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '_'))
      ++at_;
    const std::string word = text_.substr(begin, at_ - begin);
    if (word == "ceil") {
      need('(');
      const double value = std::ceil(sum());
      need(')');
      return value;
    }
    if (word == "min" || word == "max") {
      need('(');
      const double first = sum();
      need(',');
      const double second = sum();
      need(')');
      return word == "min" ? std::min(first, second) : std::max(first, second);
    }
    const auto known = names_.find(word);
    if (known == names_.end()) {
      std::string all;
      for (const auto& [name, value] : names_) all += ", " + name;
      refuse("ceil, min, max or one of " + all.substr(std::min<std::size_t>(2, all.size())));
    }
    return known->second;
  }

  const std::string& text_;
  const std::map<std::string, double>& names_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

double evaluate(const std::string& formula, const std::map<std::string, double>& names) {
  return Parser(formula, names).all();
}

}  // namespace attnlab::answers::labs
