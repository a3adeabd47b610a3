// The little of C++'s grammar that the translator reads.
#include <algorithm>

#include "simulator/emulator/translate/translator.h"

namespace attnlab::emulator::translate {

std::size_t Translator::matching(std::size_t open) const {
  // Nothing closes it: the last token of the text, so that what follows is its end.
  return partner_[open] > open ? partner_[open] : source_.tokens.size() - 2;
}
std::size_t Translator::matching_back(std::size_t close) const {
  return partner_[close] < close ? partner_[close] : 0;
}

std::size_t Translator::skip_angles(std::size_t open) const {
  constexpr std::size_t kDeepest =
      256;  // no program's: text without an end is not read again for each of its "<"
  std::size_t depth = 0;
  for (std::size_t i = open; source_.tokens[i].kind != TokenKind::end && depth <= kDeepest; ++i) {
    if (source_.tokens[i].kind != TokenKind::punctuation) continue;
    if (is(i, "<")) ++depth;
    if (source_.opens_launch(i)) depth += 3;
    if (is(i, ">") && --depth == 0) return i + 1;
    if (is(i, "(") || is(i, "[") || is(i, "{")) i = matching(i);
    if (is(i, ";")) break;
  }
  return open;
}

bool Translator::attribute(std::size_t i) const {
  return any_of(source_.spelling(i), {"__attribute__", "alignas", "__align__", "__launch_bounds__",
                                      "__maxnreg__", "__declspec"}) &&
         is(i + 1, "(");
}

std::size_t Translator::declaration_begin(std::size_t i) const {
  while (i > 0) {
    const std::size_t before = i - 1;
    if (is(before, ")") || is(before, "]")) {  // the end of an attribute, or of something else
      const std::size_t opening = matching_back(before);
      if (is(before, "]") && is(opening, "[") && is(opening + 1, "[")) {
        i = opening;
        continue;
      }
      if (opening == 0 || !attribute(opening - 1)) return i;
      i = opening - 1;
      continue;
    }
    if (any_of(source_.spelling(before), {";", "{", "}", ":", "(", ","}) ||
        source_.tokens[before].kind == TokenKind::pragma)
      return i;
    --i;
  }
  return 0;
}

std::size_t Translator::type_name_end(std::size_t i) const {
  if (is(i, "typename")) ++i;
  if (is(i, "::")) ++i;
  for (;; ++i) {
    if (is(i, "template")) ++i;
    i = is(i, "decltype") && is(i + 1, "(") ? matching(i + 1) + 1 : i + 1;
    if (is(i, "<")) i = std::max(skip_angles(i), i + 1);
    if (!is(i, "::")) return i;
  }
}

std::size_t Translator::specifiers_end(std::size_t begin) const {
  bool typed = false;
  std::size_t i = begin;
  while (source_.tokens[i].kind != TokenKind::end) {
    const std::string_view w = source_.spelling(i);
    if (attribute(i)) {
      i = matching(i + 1) + 1;
    } else if (w == "[" && is(i + 1, "[")) {
      i = matching(i) + 1;
    } else if (any_of(w, {"static", "extern", "volatile", "const", "constexpr", "inline", "mutable",
                          "__volatile__", "thread_local", "__shared__", "__device__", "__constant__",
                          "__managed__", "__restrict__"})) {
      ++i;
    } else if (any_of(w, {"unsigned", "signed", "int", "long", "short", "char", "bool", "float", "double",
                          "wchar_t", "char8_t", "char16_t", "char32_t", "__int128", "auto"})) {
      typed = true;
      ++i;
    } else if (any_of(w, {"struct", "union", "class", "enum"})) {
      typed = true;
      for (++i; !at_end(i) && !is(i, "{") && (attribute(i) || !is_identifier(i)) && !is(i, ";");)
        i = attribute(i) ? matching(i + 1) + 1 : i + 1;
      if (is_identifier(i)) ++i;
      while (is(i, "::") || (is_identifier(i) && is(i - 1, "::"))) ++i;
      if (is(i, "<")) i = std::max(skip_angles(i), i + 1);
      if (is(i, ":"))
        while (!at_end(i) && !is(i, "{") && !is(i, ";")) ++i;
      if (is(i, "{")) i = matching(i) + 1;
    } else if (!typed && (w == "typename" || w == "::" || is_identifier(i))) {
      typed = true;
      i = type_name_end(i);
    } else {
      break;
    }
  }
  return i;
}

bool Translator::declares_variable(std::size_t i) const {
  bool type = false;
  for (; source_.tokens[i].kind != TokenKind::end; ++i) {
    const std::string_view w = source_.spelling(i);
    if (w == "operator" || w == "~" || w == ")" || w == "friend" || w == "using" || w == "typedef")
      return false;
    if (any_of(w, {"struct", "union", "class", "enum"})) type = true;
    if (attribute(i) || ((w == "decltype" || w == "explicit" || w == "noexcept") && is(i + 1, "("))) {
      i = matching(i + 1);
    } else if (w == "[" && is(i + 1, "[")) {
      i = matching(i);
    } else if (w == "<") {
      const std::size_t behind = skip_angles(i);
      if (behind == i) return false;
      i = behind - 1;
    } else if (w == "{") {
      if (!type) return true;
      i = matching(i);
      type = false;
    } else if (any_of(w, {";", "=", "["})) {
      return true;
    } else if (w == "(") {
      // float (*f)(int) and float (&r)[4] are variables; void (*f(int))(int) is a function.
      if (!is(i + 1, "*") && !is(i + 1, "&")) return false;
      std::size_t name = i + 2;
      while (is(name, "const") || is(name, "volatile") || is(name, "*")) ++name;
      return is_identifier(name) && !is(name + 1, "(");
    }
  }
  return false;
}

std::string Translator::text_of(std::size_t begin, std::size_t end) const {
  std::string out;
  for (std::size_t i = begin; i < end; ++i) {
    if (i > begin && !source_.adjacent(i - 1)) out += ' ';
    out += source_.spelling(i);
  }
  return out;
}

}  // namespace attnlab::emulator::translate
