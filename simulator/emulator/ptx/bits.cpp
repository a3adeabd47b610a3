// Bit operations: logic, shifts, fields, permutations of bytes.
#include <array>
#include <bit>

#include "simulator/emulator/ptx/handlers.h"

namespace attnlab::emulator::ptx {
namespace {

struct And {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(a & b);
  }
};
struct Or {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(a | b);
  }
};
struct Xor {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(a ^ b);
  }
};
struct Not {
  template <class T>
  T operator()(T a) const {
    return static_cast<T>(~a);
  }
  bool operator()(bool a) const { return !a; }
};
struct LogicalNot {
  template <class T>
  T operator()(T a) const {
    return a == 0;
  }
};

// Shifts by the width or more shift everything out, to the sign in a signed right shift.
template <class T>
void shift_left(Context& c, const Step& s) {
  const auto n = c.get<std::uint32_t>(s.slots[2]);
  c.set(s.slots[0], static_cast<T>(n >= 8 * sizeof(T) ? T{0} : static_cast<T>(c.get<T>(s.slots[1]) << n)));
}
template <class T>
void shift_right(Context& c, const Step& s) {
  const auto n = c.get<std::uint32_t>(s.slots[2]);
  const T a = c.get<T>(s.slots[1]);
  if (n < 8 * sizeof(T)) return c.set(s.slots[0], static_cast<T>(a >> n));
  c.set(s.slots[0], static_cast<T>(std::is_signed_v<T> && (a >> (8 * sizeof(T) - 1)) != 0 ? ~T{0} : T{0}));
}

template <class Op>
void decode_logic(Builder& b) {
  Modifiers m = b.modifiers();
  const Type type = m.type();
  m.finish();
  if (type == Type::pred) return add_uniform(b, type, 2, run_binary<Op, bool>);
  add_uniform(b, type, 2, of_bits(b, type, []<class T>(T) -> Handler { return run_binary<Op, T>; }));
}
void decode_not(Builder& b) {
  Modifiers m = b.modifiers();
  const Type type = m.type();
  m.finish();
  if (type == Type::pred) return add_uniform(b, type, 1, run_unary<Not, bool>);
  add_uniform(b, type, 1, of_bits(b, type, []<class T>(T) -> Handler { return run_unary<Not, T>; }));
}
void decode_cnot(Builder& b) {
  Modifiers m = b.modifiers();
  const Type type = m.type();
  m.finish();
  add_uniform(b, type, 1, of_bits(b, type, []<class T>(T) -> Handler { return run_unary<LogicalNot, T>; }));
}

void decode_shift(Builder& b, bool left) {
  b.expect_operands(3, 3);
  Modifiers m = b.modifiers();
  const Type type = m.type();
  m.finish();
  const auto choose = []<class T>(T) -> Handler { return shift_right<T>; };
  const Handler run = left ? of_bits(b, type, []<class T>(T) -> Handler { return shift_left<T>; })
                      : is_integer(type) && !is_signed(type) && name(type)[0] == 'b'
                          ? of_bits(b, type, choose)
                          : of_integer(b, type, choose);
  b.add({.run = run, .slots = {b.destination(0, type), b.source(1, type), b.source(2, Type::u32)}});
}

// The 64 bits b:a shifted by c; option: 1 left, 2 clamp.
void funnel_shift(Context& c, const Step& s) {
  const std::uint64_t both =
      static_cast<std::uint64_t>(c.get<std::uint32_t>(s.slots[2])) << 32 | c.get<std::uint32_t>(s.slots[1]);
  const auto amount = c.get<std::uint32_t>(s.slots[3]);
  const std::uint32_t n = (s.option & 2) != 0 ? std::min(amount, 32u) : amount & 31;
  c.set(s.slots[0], static_cast<std::uint32_t>((s.option & 1) != 0 ? both << n >> 32 : both >> n));
}
void decode_funnel_shift(Builder& b) {
  Modifiers m = b.modifiers();
  const auto direction = m.take_one({"l", "r"});
  const auto mode = m.take_one({"clamp", "wrap"});
  const Type type = m.type();
  m.finish();
  if (direction.empty() || mode.empty() || type != Type::b32)
    b.refuse("expected .l or .r, .clamp or .wrap, and .b32");
  add_uniform(b, type, 3, funnel_shift, (direction == "l" ? 1 : 0) | (mode == "clamp" ? 2 : 0));
}

// --- fields -----------------------------------------------------------------------------------------------
// Positions and lengths: 32-bit forms take their low 8 bits. The 64-bit forms take all of them on an H200
// (the ISA's pseudo-code says 8 there, too); more than 255 is as good as 255.
template <class T>
unsigned field_operand(const Context& c, Slot slot) {
  const auto value = c.get<std::uint32_t>(slot);
  return sizeof(T) == 8 ? std::min(value, 255u) : value & 0xff;
}

// Bits beyond the register's end, and beyond the field's in a signed one, are copies of the field's last bit
// (signed) or 0.
template <class T>
void extract_field(Context& c, const Step& s) {
  using U = std::make_unsigned_t<T>;
  constexpr unsigned width = 8 * sizeof(T);
  const U a = c.get<U>(s.slots[1]);
  const unsigned position = field_operand<T>(c, s.slots[2]);
  const unsigned length = field_operand<T>(c, s.slots[3]);
  const unsigned last = std::min(position + length - 1, width - 1);
  const bool negative = std::is_signed_v<T> && length != 0 && (a >> last & 1) != 0;
  const unsigned taken = position < width ? std::min(length, width - position) : 0;
  const auto mask = static_cast<U>(taken == width ? ~U{0} : (U{1} << taken) - 1);
  const auto field = static_cast<U>(position < width ? a >> position & mask : U{0});
  c.set(s.slots[0], static_cast<U>(negative ? field | ~mask : field));
}
template <class T>
void insert_field(Context& c, const Step& s) {
  constexpr unsigned width = 8 * sizeof(T);
  const T a = c.get<T>(s.slots[1]), into = c.get<T>(s.slots[2]);
  const unsigned position = field_operand<T>(c, s.slots[3]);
  const unsigned length = field_operand<T>(c, s.slots[4]);
  if (position >= width) return c.set(s.slots[0], into);
  const T ones = length >= width ? ~T{0} : (T{1} << length) - 1;
  const T mask = ones << position;
  c.set(s.slots[0], static_cast<T>((into & ~mask) | (a << position & mask)));
}
void decode_bfe(Builder& b) {
  b.expect_operands(4, 4);
  Modifiers m = b.modifiers();
  const Type type = m.type();
  m.finish();
  if (bits(type) == 16) b.refuse("expected a type of 32 or 64 bits");
  b.add(
      {.run = of_integer(b, type, []<class T>(T) -> Handler { return extract_field<T>; }),
       .slots = {b.destination(0, type), b.source(1, type), b.source(2, Type::u32), b.source(3, Type::u32)}});
}
void decode_bfi(Builder& b) {
  b.expect_operands(5, 5);
  Modifiers m = b.modifiers();
  const Type type = m.type();
  m.finish();
  if (type != Type::b32 && type != Type::b64) b.refuse("expected .b32 or .b64");
  b.add({.run = type == Type::b32 ? insert_field<std::uint32_t> : insert_field<std::uint64_t>,
         .slots = {b.destination(0, type), b.source(1, type), b.source(2, type), b.source(3, Type::u32),
                   b.source(4, Type::u32)}});
}

// --- counting and finding ---------------------------------------------------------------------------------
template <class T>
void count_ones(Context& c, const Step& s) {
  c.set(s.slots[0], static_cast<std::uint32_t>(std::popcount(c.get<T>(s.slots[1]))));
}
template <class T>
void leading_zeros(Context& c, const Step& s) {
  c.set(s.slots[0], static_cast<std::uint32_t>(std::countl_zero(c.get<T>(s.slots[1]))));
}
template <class T>
void reverse(Context& c, const Step& s) {
  T a = c.get<T>(s.slots[1]), result = 0;
  for (unsigned i = 0; i < 8 * sizeof(T); ++i, a >>= 1) result = static_cast<T>(result << 1 | (a & 1));
  c.set(s.slots[0], result);
}
// The highest bit that differs from the sign; all ones: none. option 1: how far to shift it to the top.
template <class T>
void find_bit(Context& c, const Step& s) {
  using U = std::make_unsigned_t<T>;
  T a = c.get<T>(s.slots[1]);
  if (std::is_signed_v<T> && a < 0) a = static_cast<T>(~a);
  const int zeros = std::countl_zero(static_cast<U>(a));
  const int width = 8 * sizeof(T);
  if (zeros == width) return c.set(s.slots[0], 0xffffffffu);
  c.set(s.slots[0], static_cast<std::uint32_t>(s.option != 0 ? zeros : width - 1 - zeros));
}

void decode_count(Builder& b, Handler narrow, Handler wide) {
  b.expect_operands(2, 2);
  Modifiers m = b.modifiers();
  const Type type = m.type();
  m.finish();
  if (type != Type::b32 && type != Type::b64) b.refuse("expected .b32 or .b64");
  b.add(
      {.run = type == Type::b32 ? narrow : wide, .slots = {b.destination(0, Type::u32), b.source(1, type)}});
}
void decode_brev(Builder& b) {
  Modifiers m = b.modifiers();
  const Type type = m.type();
  m.finish();
  if (type != Type::b32 && type != Type::b64) b.refuse("expected .b32 or .b64");
  add_uniform(b, type, 1, type == Type::b32 ? reverse<std::uint32_t> : reverse<std::uint64_t>);
}
void decode_bfind(Builder& b) {
  b.expect_operands(2, 2);
  Modifiers m = b.modifiers();
  const bool shift = m.take("shiftamt");
  const Type type = m.type();
  m.finish();
  if (bits(type) == 16) b.refuse("expected a type of 32 or 64 bits");
  b.add({.run = of_integer(b, type, []<class T>(T) -> Handler { return find_bit<T>; }),
         .slots = {b.destination(0, Type::u32), b.source(1, type)},
         .option = shift ? 1u : 0u});
}

// --- bytes and truth tables -------------------------------------------------------------------------------
enum PermuteMode : std::uint32_t { generic, f4e, b4e, rc8, ecl, ecr, rc16 };

// Which of the eight bytes of b:a goes to byte i; bit 3: its sign instead, eight times.
unsigned selected(std::uint32_t mode, std::uint32_t selector, unsigned i) {
  const unsigned k = selector & 3;
  switch (mode) {
    case f4e:
      return k + i;
    case b4e:
      return (k + 8 - i) & 7;
    case rc8:
      return k;
    case ecl:
      return std::max(k, i);
    case ecr:
      return std::min(k, i);
    case rc16:
      return (k & 1) * 2 + (i & 1);
    default:
      return selector >> (4 * i) & 15;
  }
}
void permute(Context& c, const Step& s) {
  const std::uint64_t both =
      static_cast<std::uint64_t>(c.get<std::uint32_t>(s.slots[2])) << 32 | c.get<std::uint32_t>(s.slots[1]);
  const auto selector = c.get<std::uint32_t>(s.slots[3]);
  std::uint32_t result = 0;
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned from = selected(s.option, selector, i);
    std::uint32_t byte = static_cast<std::uint32_t>(both >> (8 * (from & 7))) & 0xff;
    if ((from & 8) != 0) byte = (byte & 0x80) != 0 ? 0xff : 0;
    result |= byte << (8 * i);
  }
  c.set(s.slots[0], result);
}
void decode_prmt(Builder& b) {
  Modifiers m = b.modifiers();
  const Type type = m.type();
  const auto mode = m.take_one({"f4e", "b4e", "rc8", "ecl", "ecr", "rc16"});
  m.finish();
  if (type != Type::b32) b.refuse("expected .b32");
  const PermuteMode option = mode == "f4e"    ? f4e
                             : mode == "b4e"  ? b4e
                             : mode == "rc8"  ? rc8
                             : mode == "ecl"  ? ecl
                             : mode == "ecr"  ? ecr
                             : mode == "rc16" ? rc16
                                              : generic;
  add_uniform(b, type, 3, permute, option);
}

void look_up(Context& c, const Step& s) {
  const auto x = c.get<std::uint32_t>(s.slots[1]), y = c.get<std::uint32_t>(s.slots[2]),
             z = c.get<std::uint32_t>(s.slots[3]), table = c.get<std::uint32_t>(s.slots[4]);
  std::uint32_t result = 0;
  for (unsigned k = 0; k < 8; ++k) {  // bit k of the table is the result for x, y, z = the bits of k
    if ((table >> k & 1) == 0) continue;
    result |= ((k & 4) != 0 ? x : ~x) & ((k & 2) != 0 ? y : ~y) & ((k & 1) != 0 ? z : ~z);
  }
  c.set(s.slots[0], result);
}
void decode_lop3(Builder& b) {
  b.expect_operands(5, 5);
  Modifiers m = b.modifiers();
  const Type type = m.type();
  m.finish();
  if (type != Type::b32) b.refuse("expected .b32");
  b.add({.run = look_up,
         .slots = {b.destination(0, type), b.source(1, type), b.source(2, type), b.source(3, type),
                   b.source(4, Type::b32)}});
}

constexpr std::array<Instruction, 16> kInstructions{{
    {"and", decode_logic<And>},
    {"or", decode_logic<Or>},
    {"xor", decode_logic<Xor>},
    {"not", decode_not},
    {"cnot", decode_cnot},
    {"shl", [](Builder& b) { decode_shift(b, true); }},
    {"shr", [](Builder& b) { decode_shift(b, false); }},
    {"shf", decode_funnel_shift},
    {"bfe", decode_bfe},
    {"bfi", decode_bfi},
    {"popc", [](Builder& b) { decode_count(b, count_ones<std::uint32_t>, count_ones<std::uint64_t>); }},
    {"clz", [](Builder& b) { decode_count(b, leading_zeros<std::uint32_t>, leading_zeros<std::uint64_t>); }},
    {"brev", decode_brev},
    {"bfind", decode_bfind},
    {"prmt", decode_prmt},
    {"lop3", decode_lop3},
}};

}  // namespace

std::span<const Instruction> bit_instructions() { return kInstructions; }

}  // namespace attnlab::emulator::ptx
