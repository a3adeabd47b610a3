// asm("ptx" : outputs : inputs : clobbers) in device code.
#include "reference/core/errors.h"
#include "simulator/emulator/translate/translator.h"

namespace attnlab::emulator::translate {

void Translator::inline_asm(std::size_t i) {
  std::size_t open = i + 1;
  for (; !is(open, "("); ++open) {
    if (is(open, "goto")) refuse(i, "asm goto");
    if (!any_of(source_.spelling(open), {"volatile", "__volatile__", "__volatile", "inline", "__inline__"}))
      return;
  }
  // int x asm("name"), void f() asm("name"): an assembler's name, no code.
  const bool statement =
      any_of(source_.spelling(i - 1), {";", "{", "}", "else", "do", ":"}) ||
      source_.tokens[i - 1].kind == TokenKind::pragma ||
      (is(i - 1, ")") && scope().kind != ScopeKind::names && scope().kind != ScopeKind::type);
  if (!statement) return;
  const std::size_t close = matching(open);

  std::size_t at = open + 1;
  std::vector<std::size_t> pieces;
  for (; at < close && source_.tokens[at].kind == TokenKind::string; ++at) pieces.push_back(at);
  if (pieces.empty()) refuse(i, "an asm statement without a literal text");

  struct Operand {
    std::string name, constraint;
    std::size_t begin = 0, end = 0;  // its expression
  };
  std::vector<Operand> operands;
  int section = 0;  // 1: outputs, 2: inputs, 3: clobbers
  while (at < close && section < 3) {
    section += is(at, "::") ? 2 : 1;
    ++at;
    while (section < 3 && at < close && !is(at, ":") && !is(at, "::")) {
      Operand operand;
      if (is(at, "[")) {
        operand.name = source_.spelling(at + 1);
        at += 3;
      }
      for (; source_.tokens[at].kind == TokenKind::string; ++at)
        operand.constraint += literal_value(source_.spelling(at));
      if (!is(at, "(")) refuse(i, "this asm statement");
      operand.begin = at + 1;
      operand.end = matching(at);
      const bool output =
          !operand.constraint.empty() && (operand.constraint[0] == '=' || operand.constraint[0] == '+');
      if (output != (section == 1))
        refuse(i, "an asm operand with constraint \"" + operand.constraint + "\"");
      operands.push_back(std::move(operand));
      at = matching(at) + 1;
      if (is(at, ",")) ++at;
    }
  }

  std::string text, value;
  for (const std::size_t piece : pieces) {
    std::string spelled(source_.spelling(piece));
    for (std::size_t n = 0; n < operands.size(); ++n) {
      const std::string name = "%[" + operands[n].name + "]";
      if (operands[n].name.empty()) continue;
      for (std::size_t found; (found = spelled.find(name)) != std::string::npos;)
        spelled.replace(found, name.size(), "%" + std::to_string(n));
    }
    text += (text.empty() ? "" : " ") + spelled;
    value += literal_value(spelled);
  }
  if (operands.empty() && value.find_first_not_of(" \t\n") == std::string::npos)
    return;  // a compiler's barrier

  std::vector<std::string> constraints;
  for (const Operand& operand : operands) constraints.push_back(operand.constraint);
  if (const std::string problem = options_.check_asm ? options_.check_asm(value, constraints) : "";
      !problem.empty()) {
    const Token& token = source_.tokens[i];
    throw FileError(source_.files[token.file].name + ":" + std::to_string(token.line), problem);
  }
  // The operands' expressions stay where they are: they are code like any other.
  std::string call = "::attnlab::emulator::ptx::execute(" + text + ", " + here(i);
  std::size_t replaced = i;
  for (const Operand& operand : operands) {
    const char kind = operand.constraint.empty() ? ' ' : operand.constraint[0];
    call += std::string(", ::attnlab::emulator::ptx::") +
            (kind == '='   ? "out"
             : kind == '+' ? "inout"
                           : "in") +
            "(\"" + operand.constraint + "\", ";
    edits_.replace(replaced, operand.begin, call);
    replaced = operand.end;
    call = ")";
  }
  edits_.replace(replaced, close + 1, call + ")");
}

}  // namespace attnlab::emulator::translate
