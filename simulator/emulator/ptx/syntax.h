// PTX as text: statements with their operands, before any instruction is known.
//
// The grammar is that of an asm statement's text: instructions, { blocks } with .reg declarations, labels,
// guards (@p, @!p) and comments. %0, %1, ... are the statement's operands; %% is a written %.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace attnlab::emulator::ptx {

// A text that cannot be executed here: it is no PTX, or PTX that is not supported. what() names the
// instruction and the reason in one line.
class Refused : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct OperandText {
  enum class Kind {
    argument,  // %3
    name,      // r1, %tid.x, a label
    integer,   // 16, -1, 0x10
    real,      // 1.0, 0f3F800000, 0d3FF0000000000000
    vector,    // {a, b}
    address,   // [a], [a+16], [a+b]: parts are the terms that are no constants
    pair,      // a|b
    sink,      // _
  };
  Kind kind = Kind::integer;
  bool negated = false;      // !p
  std::string text;          // as written; a name
  std::int64_t integer = 0;  // the argument's number, the value, the address's constant terms
  double real = 0;
  bool exact_f32 = false, exact_f64 = false;  // 0f..., 0d...: these very bits
  std::vector<OperandText> parts;
};

struct Declaration {
  std::string type;  // "b32"
  std::string name;
  unsigned count = 0;  // of r<4>: r0, r1, r2, r3; 0 for a single name
};

struct StatementText {
  enum class Kind { instruction, label, open, close, declaration };
  Kind kind = Kind::instruction;
  std::string text;                    // the whole statement, for messages
  std::string label;                   // or the name of a label
  std::string guard;                   // predicate of @p; empty: none
  bool guard_negated = false;          // @!p
  std::string opcode;                  // "ld"
  std::vector<std::string> modifiers;  // "global", "v4", "f32"
  std::vector<OperandText> operands;   // destination first
  std::vector<Declaration> declarations;
};

// Throws Refused, naming what is wrong and where.
std::vector<StatementText> parse(std::string_view text);

}  // namespace attnlab::emulator::ptx
