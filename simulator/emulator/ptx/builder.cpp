#include "simulator/emulator/ptx/builder.h"

#include <algorithm>
#include <bit>

namespace attnlab::emulator::ptx {
namespace {

// Constants are numbered from here until all registers are known.
constexpr unsigned kConstantsBegin = 0x8000;

const Instruction* find_instruction(std::string_view opcode) {
  static const auto all = [] {
    std::map<std::string_view, const Instruction*> table;
    for (const auto family :
         {move_instructions(), integer_instructions(), bit_instructions(), arithmetic_instructions(),
          compare_instructions(), convert_instructions(), memory_instructions(), atomic_instructions(),
          warp_instructions(), control_instructions(), async_instructions(), mbarrier_instructions(),
          matrix_instructions()})
      for (const Instruction& i : family) table.emplace(i.opcode, &i);
    return table;
  }();
  const auto found = all.find(opcode);
  return found == all.end() ? nullptr : found->second;
}

unsigned bits_of_constraint(char letter) {
  switch (letter) {
    case 'h':
      return 16;
    case 'r':
    case 'f':
      return 32;
    case 'q':
      return 128;
    case 'n':
      return 0;  // a constant fits every width
    default:
      return 64;
  }
}

void negate(Context& c, const Step& s) { c.set(s.slots[0], !c.get<bool>(s.slots[1])); }

}  // namespace

bool Modifiers::take(std::string_view modifier) {
  const auto found = std::find(left_.begin(), left_.end(), modifier);
  if (found == left_.end()) return false;
  left_.erase(found);
  return true;
}
bool Modifiers::take_all(std::initializer_list<std::string_view> modifiers) {
  bool all = true;
  for (const std::string_view m : modifiers) all = take(m) && all;
  return all;
}
std::string_view Modifiers::take_one(std::initializer_list<std::string_view> modifiers) {
  for (const std::string_view m : modifiers)
    if (take(m)) return m;
  return {};
}
std::string_view Modifiers::take_prefixed(std::string_view prefix) {
  for (const std::string_view m : left_) {
    if (m.starts_with(prefix)) {
      take(m);
      return m;
    }
  }
  return {};
}
std::optional<Type> Modifiers::take_type() {
  for (const std::string_view m : left_) {
    if (const auto type = type_named(m)) {
      take(m);
      return type;
    }
  }
  return std::nullopt;
}
Type Modifiers::type() {
  if (const auto found = take_type()) return *found;
  throw Refused("it names no type");
}
void Modifiers::finish() const {
  if (!left_.empty()) throw Refused("." + std::string(left_.front()) + " is not supported here");
}

Builder::Builder(std::span<const Shape> shapes) : shapes_(shapes.begin(), shapes.end()) {
  for (const Shape shape : shapes) {
    const unsigned bits = bits_of_constraint(letter_of(shape));
    arguments_.push_back({static_cast<Slot>(next_slot_), bits});
    next_slot_ += bits == 128 ? 2 : 1;
  }
  program_.argument_words = next_slot_;
}

Program Builder::build(const std::vector<StatementText>& statements) {
  scopes_.emplace_back();
  for (const StatementText& statement : statements) {
    statement_ = &statement;
    switch (statement.kind) {
      case StatementText::Kind::open:
        scopes_.emplace_back();
        break;
      case StatementText::Kind::close:
        close_scope();
        break;
      case StatementText::Kind::declaration:
        declare(statement);
        break;
      case StatementText::Kind::label:
        if (!scopes_.back().labels.emplace(statement.label, program_.steps.size()).second)
          refuse("the label is there twice");
        break;
      case StatementText::Kind::instruction:
        decode();
        break;
    }
  }
  close_scope();
  return finish();
}

void Builder::decode() {
  const Instruction* instruction = find_instruction(statement_->opcode);
  if (instruction == nullptr) refuse("the instruction " + statement_->opcode + " is not supported");
  try {
    instruction->decode(*this);
  } catch (const Refused& refused) {
    if (std::string_view(refused.what()).starts_with('"')) throw;
    refuse(refused.what());
  }
}

void Builder::refuse(const std::string& why) const { throw Refused("\"" + statement_->text + "\": " + why); }

void Builder::declare(const StatementText& statement) {
  for (const Declaration& d : statement.declarations) {
    const auto type = type_named(d.type);
    if (!type) refuse("no register type: ." + d.type);
    const auto declare_one = [&](const std::string& name) {
      if (!scopes_.back().registers.emplace(name, Register{new_slot(bits(*type)), bits(*type)}).second)
        refuse("the register " + name + " is declared twice");
    };
    if (d.count == 0) declare_one(d.name);
    for (unsigned i = 0; i < d.count; ++i) declare_one(d.name + std::to_string(i));
  }
}

Slot Builder::new_slot(unsigned bits) {
  const unsigned slot = next_slot_;
  next_slot_ += bits == 128 ? 2 : 1;
  if (next_slot_ > kFrameLimit)
    refuse("more than " + std::to_string(kFrameLimit) + " registers are not supported");
  return static_cast<Slot>(slot);
}

// Branches out of the block wait for the label in the enclosing one.
void Builder::close_scope() {
  Scope closed = std::move(scopes_.back());
  scopes_.pop_back();
  for (auto& [step, label] : closed.branches) {
    if (const auto found = closed.labels.find(label); found != closed.labels.end())
      jumps_.emplace_back(step, found->second);
    else if (scopes_.empty())
      throw Refused("\"bra " + label + "\": the text has no such label");
    else
      scopes_.back().branches.emplace_back(step, label);
  }
}

Program Builder::finish() {
  const unsigned registers = next_slot_;
  program_.frame_slots = registers + static_cast<unsigned>(constants_.size());
  if (program_.frame_slots > kFrameLimit) throw Refused("it has too many registers and constants");
  for (const auto& [value, slot] : constants_)
    program_.constants.emplace_back(static_cast<Slot>(registers + slot - kConstantsBegin), value);
  for (Step& step : program_.steps) {
    for (Slot& slot : step.slots) {
      if (slot >= kConstantsBegin && slot != kNoSlot)
        slot = static_cast<Slot>(registers + slot - kConstantsBegin);
    }
  }
  for (const auto& [step, target] : jumps_)
    program_.steps[step].immediate = static_cast<std::int64_t>(target) - static_cast<std::int64_t>(step);
  return std::move(program_);
}

void Builder::add(Step step) {
  if (!statement_->guard.empty()) {
    const std::string& guard = statement_->guard;
    OperandText operand;
    if (guard[0] == '%' && guard.size() > 1 && guard[1] >= '0' && guard[1] <= '9')
      refuse("an operand of the statement is no predicate");
    operand.kind = OperandText::Kind::name;
    operand.text = guard;
    step.guard = source(operand, Type::pred);
    step.guard_value = !statement_->guard_negated;
  }
  program_.steps.push_back(step);
}

void Builder::branch(const std::string& label) {
  scopes_.back().branches.emplace_back(program_.steps.size(), label);
  add({.run = [](Context& c, const Step& s) { c.next = &s + s.immediate; }});
}

const Builder::Register* Builder::find(std::string_view name) const {
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    if (const auto found = scope->registers.find(name); found != scope->registers.end())
      return &found->second;
  }
  return nullptr;
}

Builder::Register Builder::argument(const OperandText& operand, Direction direction) const {
  const auto i = static_cast<std::size_t>(operand.integer);
  if (i >= arguments_.size())
    refuse(operand.text + ": the statement has " + std::to_string(arguments_.size()) + " operands");
  if (direction == Direction::out && direction_of(shapes_[i]) == Direction::in)
    refuse("it writes to " + operand.text + ", an input");
  return arguments_[i];
}

void Builder::check_width(const OperandText& operand, unsigned bits, Type type, Width width) const {
  if (bits == 0) return;
  const unsigned wanted = ptx::bits(type);
  if (bits == wanted || (width == Width::at_least && bits > wanted)) return;
  const auto described = [](unsigned n) { return n == 1 ? "a predicate" : std::to_string(n) + " bits"; };
  refuse(operand.text + " has " + described(bits) + ", expected " + described(wanted));
}

std::uint64_t Builder::constant_bits(const OperandText& o, Type type) const {
  const bool real = o.kind == OperandText::Kind::real;
  if (!real && type == Type::f64) return std::bit_cast<std::uint64_t>(static_cast<double>(o.integer));
  if (!real && type == Type::f32) return std::bit_cast<std::uint32_t>(static_cast<float>(o.integer));
  if (!real) return static_cast<std::uint64_t>(o.integer);
  // 0f... and 0d... are bits, and may be moved as such.
  if (o.exact_f32 && (type == Type::f32 || type == Type::b32)) return static_cast<std::uint32_t>(o.integer);
  if (type == Type::f64 || (o.exact_f64 && type == Type::b64)) return std::bit_cast<std::uint64_t>(o.real);
  if (type == Type::f32) return std::bit_cast<std::uint32_t>(static_cast<float>(o.real));
  refuse("the constant " + o.text + " is no ." + std::string(name(type)));
}

Slot Builder::constant_slot(std::uint64_t value) {
  const auto next = static_cast<Slot>(kConstantsBegin + constants_.size());
  return constants_.emplace(value, next).first->second;
}

Slot Builder::negated(Slot predicate) {
  const Slot result = temporary();
  add_unguarded({.run = negate, .slots = {result, predicate}});
  return result;
}

Slot Builder::source(const OperandText& o, Type type, Width width) {
  if (o.negated) {
    if (type != Type::pred) refuse("'!' before an operand that is no predicate");
    OperandText plain = o;
    plain.negated = false;
    return negated(source(plain, type, width));
  }
  switch (o.kind) {
    case OperandText::Kind::argument: {
      const Register r = argument(o, Direction::in);
      check_width(o, r.bits, type, width);
      return r.slot;
    }
    case OperandText::Kind::integer:
    case OperandText::Kind::real:
      return constant_slot(constant_bits(o, type));
    case OperandText::Kind::name: {
      if (const Register* r = find(o.text)) {
        check_width(o, r->bits, type, width);
        return r->slot;
      }
      if (o.text == "WARP_SZ") return constant_slot(32);
      unsigned special_bits = 0;
      if (auto step = read_special(o.text, special_bits)) {
        check_width(o, special_bits, type, Width::at_least);
        const Slot result = temporary();
        step->slots[0] = result;
        add_unguarded(*step);
        return result;
      }
      refuse("unknown register " + o.text);
    }
    default:
      refuse("expected a register or a constant, got " + o.text);
  }
}

Slot Builder::destination(const OperandText& o, Type type, Width width) {
  if (o.negated) refuse("'!' before a destination");
  if (o.kind == OperandText::Kind::sink) return temporary();
  if (o.kind == OperandText::Kind::argument) {
    const Register r = argument(o, Direction::out);
    check_width(o, r.bits, type, width);
    return r.slot;
  }
  const Register* r = o.kind == OperandText::Kind::name ? find(o.text) : nullptr;
  if (r == nullptr) refuse("expected a register as the destination, got " + o.text);
  check_width(o, r->bits, type, width);
  return r->slot;
}

std::pair<Slot, Slot> Builder::destination_pair(std::size_t i, Type first, Type second) {
  const OperandText& o = operand(i);
  if (o.kind != OperandText::Kind::pair) return {destination(o, first), kNoSlot};
  return {destination(o.parts[0], first), destination(o.parts[1], second)};
}

std::vector<Slot> Builder::sources(std::size_t i, Type type, std::size_t count, Width width) {
  const OperandText& o = operand(i);
  if (o.kind != OperandText::Kind::vector && count == 1) return {source(o, type, width)};
  if (o.kind != OperandText::Kind::vector || o.parts.size() != count)
    refuse("expected " + std::to_string(count) + " registers in braces, got " + o.text);
  std::vector<Slot> slots;
  for (const OperandText& part : o.parts) slots.push_back(source(part, type, width));
  return slots;
}

std::vector<Slot> Builder::destinations(std::size_t i, Type type, std::size_t count, Width width) {
  const OperandText& o = operand(i);
  if (o.kind != OperandText::Kind::vector && count == 1) return {destination(o, type, width)};
  if (o.kind != OperandText::Kind::vector || o.parts.size() != count)
    refuse("expected " + std::to_string(count) + " registers in braces, got " + o.text);
  std::vector<Slot> slots;
  for (const OperandText& part : o.parts) slots.push_back(destination(part, type, width));
  return slots;
}

std::pair<Slot, Slot> Builder::wide(const OperandText& o, Direction direction) {
  const Slot low = direction == Direction::in ? source(o, Type::b128) : destination(o, Type::b128);
  if (width(o) != 128) refuse("expected a register of 128 bits, got " + o.text);
  return {low, static_cast<Slot>(low + 1)};
}

void Builder::address(std::size_t i, Step& step, unsigned first, bool shared) {
  const OperandText& o = operand(i);
  if (o.kind != OperandText::Kind::address) refuse("expected an address in brackets, got " + o.text);
  if (o.parts.size() > 2) refuse("an address is a register, plus a constant: " + o.text);
  const Type type = shared ? Type::b32 : Type::b64;
  for (unsigned part = 0; part < 2; ++part) {
    step.slots[first + part] =
        part < o.parts.size() ? source(o.parts[part], type, Width::at_least) : constant_slot(0);
  }
  step.immediate = o.integer;
}

std::optional<std::int64_t> Builder::constant(std::size_t i) const {
  if (operand(i).kind != OperandText::Kind::integer) return std::nullopt;
  return operand(i).integer;
}

bool Builder::is_predicate(const OperandText& o) const {
  const Register* r = o.kind == OperandText::Kind::name ? find(o.text) : nullptr;
  return r != nullptr && r->bits == 1;
}

unsigned Builder::width(const OperandText& o) const {
  if (o.kind == OperandText::Kind::argument) return argument(o, Direction::in).bits;
  const Register* r = o.kind == OperandText::Kind::name ? find(o.text) : nullptr;
  return r == nullptr ? 0 : r->bits;
}

void Builder::expect_operands(std::size_t least, std::size_t most) {
  if (operand_count() < least || operand_count() > most) {
    refuse("it has " + std::to_string(operand_count()) + " operands, expected " + std::to_string(least) +
           (least == most ? "" : " to " + std::to_string(most)));
  }
}

}  // namespace attnlab::emulator::ptx
