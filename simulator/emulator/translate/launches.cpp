// kernel<<<grid, block, bytes, stream>>>(arguments), and the registration of kernels.
#include "simulator/emulator/translate/translator.h"

namespace attnlab::emulator::translate {
namespace {

// Of functions that are not instrumented.
std::string bare(bool clang) {
  return clang ? "__attribute__((no_sanitize(\"thread\", \"coverage\")))"
               : "__attribute__((no_sanitize(\"thread\"), no_sanitize_coverage))";
}

// A text as a C++ string literal.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

// The lambda that gives the address of the one function that `name` names; see launch_site.h.
std::string function_lambda(std::string_view capture, const std::string& name) {
  return "[" + std::string(capture) +
         "](auto attnlab_tag) -> decltype(::attnlab::emulator::function_pointer<decltype(attnlab_tag)>(" +
         name + ")) { return " + name + "; }";
}

}  // namespace

void Translator::launch(std::size_t i) {
  const std::size_t begin = callee_begin(i), end = configuration_end(i + 1);
  if (begin == i || end == 0 || !is(end + 3, "(")) refuse(i, "this use of <<<");
  if (scope().device && !scope().host) refuse(i, "a launch from device code (dynamic parallelism)");
  const std::string callee = text_of(begin, i);
  // Of k<tile>, tile a constant of the enclosing function, g++ 12 fails on [&] in a lambda; a template's name
  // captures nothing but constants, so that a copy is as good.
  const std::string capture = callee.ends_with('>') ? "=" : "&";
  edits_.replace(begin, i + 1,
                 "::attnlab::emulator::launch_site({" + quoted(callee) + ", nullptr, " + here(begin) + "}, " +
                     function_lambda(capture, callee) + ", [" + capture + "](auto&... attnlab_arguments) " +
                     bare(options_.clang) + " { " + callee + "(attnlab_arguments...); }).shape(");
  edits_.replace(end, end + 3, ")");
}

// The postfix expression that ends in front of `end`: name, ns::name<T, (N > 4)>, object.member,
// (expression), table[i], function(argument).
std::size_t Translator::callee_begin(std::size_t end) const {
  std::size_t begin = operand_begin(end);
  while (begin > 0) {
    // What stands in front of a launch ends a statement or begins an expression of no value. If an operator
    // stands there, what was taken for a whole template-id was the tail of one: k<n < 4>.
    const std::size_t before = begin - 1;
    if (source_.tokens[before].kind != TokenKind::punctuation ||
        !any_of(source_.spelling(before),
                {"<", "+", "-", "*", "/", "%", "|", "^", "==", "!=", "<=", "<<", "!", "."}))
      break;
    if (begin < 2) break;
    begin = operand_begin(before);
  }
  return begin;
}

std::size_t Translator::operand_begin(std::size_t end) const {
  std::size_t i = end;
  while (i > 0) {
    const std::size_t last = i - 1;
    if (is(last, ")") || is(last, "]")) {
      i = matching_back(last);
      if (is(last, "]")) continue;
      // f(x), k<T>(x) and t[i](x) go on to the left; (pointer) does so only behind a name that is no keyword.
      if (i == 0) return 0;
      const bool name = is_identifier(i - 1) &&
                        !any_of(source_.spelling(i - 1), {"if", "while", "for", "switch", "return", "else",
                                                          "do", "constexpr", "throw", "co_return"});
      if (!name && !is(i - 1, ">") && !is(i - 1, "]")) return i;
      continue;
    }
    if (is(last, ">")) {
      std::size_t depth = 0, open = i;
      while (open > 0) {
        --open;
        if (is(open, ">")) ++depth;
        if (is(open, "<") && --depth == 0) break;
        if ((is(open, ")") || is(open, "]") || is(open, "}")) && matching_back(open) < open)
          open = matching_back(open);
        if (is(open, ";")) return end;
      }
      i = open;
      continue;
    }
    if (!is_identifier(last)) return i;
    i = last;
    if (i > 0 && is(i - 1, "template")) --i;
    if (i > 0 && any_of(source_.spelling(i - 1), {"::", ".", "->"})) {
      --i;
      const bool qualified =
          i > 0 && (is_identifier(i - 1) || is(i - 1, ">") || is(i - 1, ")") || is(i - 1, "]"));
      const bool keyword = i > 0 && any_of(source_.spelling(i - 1), {"return", "else", "do"});
      if (!is(i, "::") || (qualified && !keyword && !(is(i - 1, ")")))) continue;
    }
    return i;
  }
  return i;
}

// The first of the three > that close a configuration beginning at `begin`; 0 if there is none. Fewer < than
// > stand open there: f<g<h<int>>>(x) inside a configuration does not end it.
std::size_t Translator::configuration_end(std::size_t begin) const {
  std::size_t open = 0, fallback = 0;
  for (std::size_t i = begin; source_.tokens[i].kind != TokenKind::end; ++i) {
    if (source_.tokens[i].kind != TokenKind::punctuation) continue;
    if (is(i, "(") || is(i, "[") || is(i, "{")) {
      i = matching(i);
      continue;
    }
    if (any_of(source_.spelling(i), {")", "]", "}", ";"})) break;
    if (is(i, "<")) ++open;
    if (!is(i, ">")) continue;
    std::size_t run = 1;
    while (is(i + run, ">")) ++run;  // >> > is what goes with << <
    if (run >= 3 && is(i + run, "(")) {
      if (run >= open + 3) return i + run - 3;
      fallback = i + run - 3;
    }
    open -= run < open ? run : open;
    i += run - 1;
  }
  return fallback;
}

// Behind the definition of a kernel that is no template.
void Translator::describe_kernel(std::size_t closing, const Scope& closed) {
  const std::string name(source_.spelling(closed.declared.name));
  const std::string description = " [[maybe_unused]] static const bool attnlab_kernel_" +
                                  std::to_string(kernels_++) + " = ::attnlab::emulator::describe_kernel_of(" +
                                  function_lambda("", name) + ", " + quoted(name) + ", " +
                                  closed.declared.bounds + ");";
  if (source_.tokens[closing + 1].kind == TokenKind::pragma)  // nothing may stand before it on its line
    edits_.replace(closing, closing + 1, "}" + description);
  else
    edits_.insert(closing + 1, description);
}

}  // namespace attnlab::emulator::translate
