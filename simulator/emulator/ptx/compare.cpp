// Comparing and choosing: setp, set, selp, slct, testp, copysign.
#include <array>

#include "simulator/emulator/ptx/handlers.h"
#include "simulator/emulator/ptx/numbers.h"

namespace attnlab::emulator::ptx {
namespace {

// What a comparison accepts: less, equal, greater, or no order because of a NaN.
enum Accepts : std::uint32_t { less = 1, equal = 2, greater = 4, unordered = 8 };
struct Comparison {
  std::string_view name;
  std::uint32_t accepts;
  enum { every, floats, unsigneds } of;
};
constexpr Comparison kComparisons[] = {
    {"eq", equal, Comparison::every},
    {"ne", less | greater, Comparison::every},
    {"lt", less, Comparison::every},
    {"le", less | equal, Comparison::every},
    {"gt", greater, Comparison::every},
    {"ge", greater | equal, Comparison::every},
    {"lo", less, Comparison::unsigneds},
    {"ls", less | equal, Comparison::unsigneds},
    {"hi", greater, Comparison::unsigneds},
    {"hs", greater | equal, Comparison::unsigneds},
    {"equ", equal | unordered, Comparison::floats},
    {"neu", less | greater | unordered, Comparison::floats},
    {"ltu", less | unordered, Comparison::floats},
    {"leu", less | equal | unordered, Comparison::floats},
    {"gtu", greater | unordered, Comparison::floats},
    {"geu", greater | equal | unordered, Comparison::floats},
    {"num", less | equal | greater, Comparison::floats},
    {"nan", unordered, Comparison::floats},
};

// A step's option: what is accepted, then how a third predicate joins in, then flags.
enum Join : std::uint32_t { no_join = 0, join_and = 16, join_or = 32, join_xor = 48, join_bits = 48 };
constexpr std::uint32_t kFlushSubnormals = 64;
constexpr std::uint32_t kAnswersOne = 128;  // set: 1.0 instead of all ones

template <class T>
bool accepted(T a, T b, std::uint32_t option) {
  const std::uint32_t order = a < b ? less : b < a ? greater : a == b ? equal : unordered;
  return (option & order) != 0;
}
bool joined(bool result, bool other, std::uint32_t option) {
  switch (option & join_bits) {
    case join_and:
      return result && other;
    case join_or:
      return result || other;
    case join_xor:
      return result != other;
    default:
      return result;
  }
}

// How a source is read: integers and fp64 as they are, fp32 with .ftz, halves as floats. The second half of
// a pair lies above the first.
template <class T>
T read(const Context& c, Slot slot, std::uint32_t) {
  return c.get<T>(slot);
}
template <>
float read<float>(const Context& c, Slot slot, std::uint32_t option) {
  const float value = c.get<float>(slot);
  return (option & kFlushSubnormals) != 0 ? flush(value) : value;
}
struct Half {};
struct Brain {};
template <class T>
float read_half(const Context& c, Slot slot, std::uint32_t option, unsigned part) {
  const auto bits = static_cast<std::uint16_t>(c.registers[slot] >> (16 * part));
  if constexpr (std::is_same_v<T, Brain>) return brain_to_float(bits);
  const float value = half_to_float(bits);
  return (option & kFlushSubnormals) != 0 && std::fabs(value) < 0x1p-14f ? std::copysign(0.0f, value) : value;
}
template <class T>
bool compare(const Context& c, const Step& s, unsigned part) {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, Brain>) {
    return accepted(read_half<T>(c, s.slots[2], s.option, part), read_half<T>(c, s.slots[3], s.option, part),
                    s.option);
  } else {
    return accepted(read<T>(c, s.slots[2], s.option), read<T>(c, s.slots[3], s.option), s.option);
  }
}

// slots: p, q, a, b, the joined predicate. q is the complement of the comparison, joined too.
template <class T>
void set_predicate(Context& c, const Step& s) {
  const bool result = compare<T>(c, s, 0), other = c.get<bool>(s.slots[4]);
  c.set(s.slots[0], joined(result, other, s.option));
  c.set(s.slots[1], joined(!result, other, s.option));
}
// For a pair, p is of its low half and q of its high one.
template <class T>
void set_predicate_pair(Context& c, const Step& s) {
  const bool low = compare<T>(c, s, 0), high = compare<T>(c, s, 1), other = c.get<bool>(s.slots[4]);
  c.set(s.slots[0], joined(low, other, s.option));
  c.set(s.slots[1], joined(high, other, s.option));
}
template <class T>
void set_value(Context& c, const Step& s) {
  const bool result = joined(compare<T>(c, s, 0), c.get<bool>(s.slots[4]), s.option);
  const std::uint32_t yes = (s.option & kAnswersOne) != 0 ? as_bits(1.0f) : 0xffffffffu;
  c.set(s.slots[0], result ? yes : 0u);
}
template <class T>
void set_value_pair(Context& c, const Step& s) {
  const std::uint32_t one = std::is_same_v<T, Half> ? 0x3c00 : 0x3f80;
  std::uint32_t value = 0;
  for (unsigned part = 0; part < 2; ++part)
    if (joined(compare<T>(c, s, part), c.get<bool>(s.slots[4]), s.option)) value |= one << (16 * part);
  c.set(s.slots[0], value);
}

struct Decoded {
  Type type, result;
  std::uint32_t option;
  bool joins;
};

Decoded decode_comparison(Builder& b, bool with_result) {
  Modifiers m = b.modifiers();
  Decoded d{};
  const Comparison* comparison = nullptr;
  for (const Comparison& candidate : kComparisons)
    if (comparison == nullptr && m.take(candidate.name)) comparison = &candidate;
  if (comparison == nullptr) b.refuse("it names no comparison");
  const auto join = m.take_one({"and", "or", "xor"});
  d.option = comparison->accepts | (join == "and"   ? join_and
                                    : join == "or"  ? join_or
                                    : join == "xor" ? join_xor
                                                    : no_join);
  d.joins = !join.empty();
  if (with_result) d.result = m.type();
  d.type = m.type();
  if ((d.type == Type::f32 || d.type == Type::f16 || d.type == Type::f16x2) && m.take("ftz"))
    d.option |= kFlushSubnormals;
  m.finish();
  const bool floating = is_float(d.type) || d.type == Type::f16x2 || d.type == Type::bf16x2;
  const bool is_unsigned = is_integer(d.type) && name(d.type)[0] == 'u';
  const bool untyped = is_integer(d.type) && name(d.type)[0] == 'b';
  if ((comparison->of == Comparison::floats && !floating) ||
      (comparison->of == Comparison::unsigneds && !is_unsigned) ||
      (untyped && comparison->name != "eq" && comparison->name != "ne"))
    b.refuse("." + std::string(comparison->name) + " is not for ." + std::string(name(d.type)));
  return d;
}

template <class Choose>
Handler of_comparable(const Builder& b, Type type, Choose choose) {
  switch (type) {
    case Type::f32:
      return choose(float{});
    case Type::f64:
      return choose(double{});
    case Type::f16:
    case Type::f16x2:
      return choose(Half{});
    case Type::bf16:
    case Type::bf16x2:
      return choose(Brain{});
    case Type::b16:
      return choose(std::uint16_t{});
    case Type::b32:
      return choose(std::uint32_t{});
    case Type::b64:
      return choose(std::uint64_t{});
    default:
      return of_integer(b, type, choose);
  }
}

void add_comparison(Builder& b, const Decoded& d, Step step) {
  b.expect_operands(d.joins ? 4 : 3, d.joins ? 4 : 3);
  step.option = d.option;
  step.slots[2] = b.source(1, d.type);
  step.slots[3] = b.source(2, d.type);
  step.slots[4] = d.joins ? b.source(3, Type::pred) : b.constant_slot(0);
  b.add(step);
}

bool is_pair(Type type) { return type == Type::f16x2 || type == Type::bf16x2; }

void decode_setp(Builder& b) {
  const Decoded d = decode_comparison(b, false);
  Step step;
  if (d.type == Type::f16x2)
    step.run = set_predicate_pair<Half>;
  else if (d.type == Type::bf16x2)
    step.run = set_predicate_pair<Brain>;
  else
    step.run = of_comparable(b, d.type, []<class T>(T) -> Handler { return set_predicate<T>; });
  b.expect_operands(3, 4);
  const auto [p, q] = b.destination_pair(0, Type::pred, Type::pred);
  if (is_pair(d.type) && q == kNoSlot) b.refuse("expected two destinations, p|q");
  step.slots[0] = p;
  step.slots[1] = q == kNoSlot ? b.temporary() : q;
  add_comparison(b, d, step);
}

void decode_set(Builder& b) {
  Decoded d = decode_comparison(b, true);
  Step step;
  if (is_pair(d.type)) {
    if (d.result != d.type) b.refuse("expected the same type twice");
    step.run = d.type == Type::f16x2 ? set_value_pair<Half> : set_value_pair<Brain>;
  } else {
    if (d.result != Type::u32 && d.result != Type::s32 && d.result != Type::f32)
      b.refuse("expected .u32, .s32 or .f32 as the result's type");
    step.run = of_comparable(b, d.type, []<class T>(T) -> Handler { return set_value<T>; });
    if (d.result == Type::f32) d.option |= kAnswersOne;
  }
  b.expect_operands(3, 4);
  step.slots[0] = b.destination(0, d.result);
  add_comparison(b, d, step);
}

void select(Context& c, const Step& s) {
  c.registers[s.slots[0]] = c.registers[c.get<bool>(s.slots[3]) ? s.slots[1] : s.slots[2]];
}
void decode_selp(Builder& b) {
  b.expect_operands(4, 4);
  Modifiers m = b.modifiers();
  const Type type = m.type();
  m.finish();
  if (bits(type) < 16 || bits(type) > 64) b.refuse("." + std::string(name(type)) + " is not supported here");
  b.add({.run = select,
         .slots = {b.destination(0, type), b.source(1, type), b.source(2, type), b.source(3, Type::pred)}});
}

void select_by_sign(Context& c, const Step& s) {
  c.registers[s.slots[0]] = c.registers[c.get<std::int32_t>(s.slots[3]) >= 0 ? s.slots[1] : s.slots[2]];
}
void select_by_float(Context& c, const Step& s) {
  const float value = read<float>(c, s.slots[3], s.option);
  c.registers[s.slots[0]] = c.registers[value >= 0 ? s.slots[1] : s.slots[2]];
}
void decode_slct(Builder& b) {
  b.expect_operands(4, 4);
  Modifiers m = b.modifiers();
  const Type type = m.type(), by = m.type();
  const std::uint32_t option = m.take("ftz") ? kFlushSubnormals : 0;
  m.finish();
  if (by != Type::s32 && by != Type::f32) b.refuse("expected .s32 or .f32 as the second type");
  b.add({.run = by == Type::s32 ? select_by_sign : select_by_float,
         .slots = {b.destination(0, type), b.source(1, type), b.source(2, type), b.source(3, by)},
         .option = option});
}

template <class T>
void copy_sign(Context& c, const Step& s) {
  c.set(s.slots[0], std::copysign(c.get<T>(s.slots[2]), c.get<T>(s.slots[1])));  // the first one's sign
}
void decode_copysign(Builder& b) {
  Modifiers m = b.modifiers();
  const Type type = m.type();
  m.finish();
  if (type != Type::f32 && type != Type::f64) b.refuse("expected .f32 or .f64");
  add_uniform(b, type, 2, type == Type::f32 ? copy_sign<float> : copy_sign<double>);
}

template <class T>
void test_property(Context& c, const Step& s) {
  const T x = c.get<T>(s.slots[1]);
  const int kind = std::fpclassify(x);
  const bool answers[] = {std::isfinite(x),
                          kind == FP_INFINITE,
                          kind != FP_NAN,
                          kind == FP_NAN,
                          kind == FP_NORMAL || kind == FP_ZERO,
                          kind == FP_SUBNORMAL};
  c.set(s.slots[0], answers[s.option]);
}
void decode_testp(Builder& b) {
  b.expect_operands(2, 2);
  Modifiers m = b.modifiers();
  const Type type = m.type();
  std::uint32_t option = 0;
  while (option < 6) {
    constexpr std::string_view kProperties[] = {"finite",     "infinite", "number",
                                                "notanumber", "normal",   "subnormal"};
    if (m.take(kProperties[option])) break;
    ++option;
  }
  m.finish();
  if (option == 6 || (type != Type::f32 && type != Type::f64))
    b.refuse("expected a property, and .f32 or .f64");
  b.add({.run = type == Type::f32 ? test_property<float> : test_property<double>,
         .slots = {b.destination(0, Type::pred), b.source(1, type)},
         .option = option});
}

constexpr std::array<Instruction, 6> kInstructions{{
    {"setp", decode_setp},
    {"set", decode_set},
    {"selp", decode_selp},
    {"slct", decode_slct},
    {"testp", decode_testp},
    {"copysign", decode_copysign},
}};

}  // namespace

std::span<const Instruction> compare_instructions() { return kInstructions; }

}  // namespace attnlab::emulator::ptx
