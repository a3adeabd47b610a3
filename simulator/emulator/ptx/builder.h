// From statements to steps: names become slots, opcodes find their decoders.
//
// A decoder reads an instruction's modifiers and operands from the Builder and adds its step. Modifiers are
// consumed one by one, and what no decoder has consumed refuses the text: nothing is ignored by accident.
#pragma once

#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "simulator/emulator/ptx/program.h"
#include "simulator/emulator/ptx/ptx.h"
#include "simulator/emulator/ptx/syntax.h"
#include "simulator/emulator/ptx/types.h"

namespace attnlab::emulator::ptx {

class Modifiers {
 public:
  explicit Modifiers(const std::vector<std::string>& all) : left_(all.begin(), all.end()) {}

  bool take(std::string_view modifier);
  bool take_all(std::initializer_list<std::string_view> modifiers);  // true when all of these are there
  // The one of these that is there; empty: none.
  std::string_view take_one(std::initializer_list<std::string_view> modifiers);
  std::string_view take_prefixed(std::string_view prefix);
  std::optional<Type> take_type();  // the first type
  Type type();                      // the same; refuses when there is none
  void finish() const;              // refuses what is left

 private:
  std::vector<std::string_view> left_;
};

class Builder {
 public:
  // shapes: of the statement's operands (ptx.h). Constants of "n" operands are known at run time only, and
  // are read from their slots like every other operand.
  explicit Builder(std::span<const Shape> shapes);

  // Throws Refused.
  Program build(const std::vector<StatementText>& statements);

  // --- for decoders -----------------------------------------------------------------------------------
  const StatementText& statement() const { return *statement_; }
  Modifiers modifiers() const { return Modifiers(statement_->modifiers); }
  std::size_t operand_count() const { return statement_->operands.size(); }
  // Refuses another number of operands.
  void expect_operands(std::size_t least, std::size_t most);
  const OperandText& operand(std::size_t i) const { return statement_->operands[i]; }

  // How much a register's width may differ from the instruction's type.
  enum class Width { exact, at_least };
  // The slot of a source; constants get slots of their own, special registers a step that reads them.
  Slot source(const OperandText& operand, Type type, Width width = Width::exact);
  Slot source(std::size_t i, Type type, Width width = Width::exact) {
    return source(operand(i), type, width);
  }
  Slot destination(const OperandText& operand, Type type, Width width = Width::exact);
  Slot destination(std::size_t i, Type type, Width width = Width::exact) {
    return destination(operand(i), type, width);
  }
  // A destination d, or d|p: the second slot is no_slot without p.
  std::pair<Slot, Slot> destination_pair(std::size_t i, Type first, Type second);
  // {a, b, ...}, or a single register for a vector of one; refuses another number than `count`.
  std::vector<Slot> sources(std::size_t i, Type type, std::size_t count, Width width = Width::exact);
  std::vector<Slot> destinations(std::size_t i, Type type, std::size_t count, Width width = Width::exact);
  // The two words of a 128-bit register.
  std::pair<Slot, Slot> wide(const OperandText& operand, Direction direction);
  // The address operand: its registers go to step.slots[first] and, where a second term is there,
  // step.slots[first + 1], else a slot that holds 0; the constant goes to step.immediate. `bytes`: 4 for
  // addresses of the shared space, which may be 32-bit registers, 8 for 64-bit ones only.
  void address(std::size_t i, Step& step, unsigned first, bool shared);
  // A constant known while decoding; none for a register.
  std::optional<std::int64_t> constant(std::size_t i) const;

  Slot constant_slot(std::uint64_t value);
  Slot temporary() { return new_slot(64); }
  // The slot of a predicate that is the negation of this one.
  Slot negated(Slot predicate);
  bool is_predicate(const OperandText& operand) const;
  unsigned width(const OperandText& operand) const;  // of a register in bits; 0 for other operands

  // Adds a step under the statement's guard (or without it: reads of special registers).
  void add(Step step);
  void add_unguarded(const Step& step) { program_.steps.push_back(step); }
  void branch(const std::string& label);

  [[noreturn]] void refuse(const std::string& why) const;

 private:
  struct Register {
    Slot slot;
    unsigned bits;  // 1: predicate
  };
  struct Scope {
    std::map<std::string, Register, std::less<>> registers;
    std::map<std::string, std::size_t, std::less<>> labels;     // the step they stand before
    std::vector<std::pair<std::size_t, std::string>> branches;  // step, label; still unknown
  };

  Slot new_slot(unsigned bits);
  const Register* find(std::string_view name) const;
  Register argument(const OperandText& operand, Direction direction) const;
  void check_width(const OperandText& operand, unsigned bits, Type type, Width width) const;
  std::uint64_t constant_bits(const OperandText& operand, Type type) const;
  void declare(const StatementText& statement);
  void close_scope();
  void decode();
  Program finish();

  Program program_;
  std::vector<Register> arguments_;
  std::vector<Shape> shapes_;
  std::vector<Scope> scopes_;
  std::map<std::uint64_t, Slot> constants_;
  std::vector<std::pair<std::size_t, std::size_t>> jumps_;  // step, target
  const StatementText* statement_ = nullptr;
  unsigned next_slot_ = 0;
};

// An instruction's name and how it is decoded.
struct Instruction {
  std::string_view opcode;
  void (*decode)(Builder&);
};

// The instructions, one file per family.
std::span<const Instruction> move_instructions();
std::span<const Instruction> integer_instructions();
std::span<const Instruction> bit_instructions();
std::span<const Instruction> arithmetic_instructions();
std::span<const Instruction> compare_instructions();
std::span<const Instruction> convert_instructions();
std::span<const Instruction> memory_instructions();
std::span<const Instruction> atomic_instructions();
std::span<const Instruction> warp_instructions();
std::span<const Instruction> control_instructions();
std::span<const Instruction> async_instructions();
std::span<const Instruction> mbarrier_instructions();
std::span<const Instruction> matrix_instructions();
void decode_mma(Builder& b);                          // one of matrix_instructions
void decode_copies_arrive(Builder& b, Modifiers& m);  // cp.async.mbarrier, one of async_instructions

// A step that reads the special register of this name ("%tid.x"), if there is one; its result goes to
// slots[0]. bits: of the register.
std::optional<Step> read_special(std::string_view name, unsigned& bits);

}  // namespace attnlab::emulator::ptx
