// Integer arithmetic: add to sad, in every width, with PTX's wide and high products.
#include <array>

#include "simulator/emulator/ptx/arithmetic.h"
#include "simulator/emulator/ptx/handlers.h"

namespace attnlab::emulator::ptx {
namespace {

template <class T>
using Unsigned = std::make_unsigned_t<T>;

// Arithmetic wraps; in C++ only unsigned does. 16-bit operands would be promoted to int, where a product may
// overflow: everything happens in 64 bits.
template <class T>
T wrap(std::uint64_t value) {
  return static_cast<T>(value);
}
template <class T>
std::uint64_t extended(T value) {
  return static_cast<std::uint64_t>(value);  // sign-extends signed types
}

struct Add {
  template <class T>
  T operator()(T a, T b) const {
    return wrap<T>(extended(a) + extended(b));
  }
};
struct AddSaturating {
  template <class T>
  T operator()(T a, T b) const {
    T sum;
    if (!__builtin_add_overflow(a, b, &sum)) return sum;
    return a < 0 ? std::numeric_limits<T>::min() : std::numeric_limits<T>::max();
  }
};
struct Subtract {
  template <class T>
  T operator()(T a, T b) const {
    return wrap<T>(extended(a) - extended(b));
  }
};
struct SubtractSaturating {
  template <class T>
  T operator()(T a, T b) const {
    T difference;
    if (!__builtin_sub_overflow(a, b, &difference)) return difference;
    return a < 0 ? std::numeric_limits<T>::min() : std::numeric_limits<T>::max();
  }
};
struct MultiplyLow {
  template <class T>
  T operator()(T a, T b) const {
    return wrap<T>(extended(a) * extended(b));
  }
};
struct MultiplyHigh {
  template <class T>
  T operator()(T a, T b) const {
    __extension__ using Wide = std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>;
    return static_cast<T>((static_cast<Wide>(a) * static_cast<Wide>(b)) >> (8 * sizeof(T)));
  }
};
// Division by zero gives all ones, its remainder the dividend; the smallest number by -1 wraps.
struct Divide {
  template <class T>
  T operator()(T a, T b) const {
    if (b == 0) return static_cast<T>(~T{0});
    if constexpr (std::is_signed_v<T>)
      if (b == -1) return Subtract{}(T{0}, a);
    return static_cast<T>(a / b);
  }
};
struct Remainder {
  template <class T>
  T operator()(T a, T b) const {
    if (b == 0) return a;
    if constexpr (std::is_signed_v<T>)
      if (b == -1) return 0;
    return static_cast<T>(a % b);
  }
};
struct Minimum {
  template <class T>
  T operator()(T a, T b) const {
    return b < a ? b : a;
  }
};
struct Maximum {
  template <class T>
  T operator()(T a, T b) const {
    return a < b ? b : a;
  }
};
struct Negate {
  template <class T>
  T operator()(T a) const {
    return Subtract{}(T{0}, a);
  }
};
struct Absolute {
  template <class T>
  T operator()(T a) const {
    return a < 0 ? Negate{}(a) : a;
  }
};
struct SumOfDifferences {
  template <class T>
  T operator()(T a, T b, T c) const {
    const std::uint64_t difference = a < b ? extended(b) - extended(a) : extended(a) - extended(b);
    return wrap<T>(extended(c) + difference);
  }
};
struct MultiplyAddLow {
  template <class T>
  T operator()(T a, T b, T c) const {
    return wrap<T>(extended(a) * extended(b) + extended(c));
  }
};
struct MultiplyAddHigh {
  template <class T>
  T operator()(T a, T b, T c) const {
    return Add{}(MultiplyHigh{}(a, b), c);
  }
};

// mul.wide, mad.wide: operands of T, a result of twice its width.
template <class T>
void multiply_wide(Context& c, const Step& s) {
  c.set(s.slots[0], extended(c.get<T>(s.slots[1])) * extended(c.get<T>(s.slots[2])));
}
template <class T>
void multiply_add_wide(Context& c, const Step& s) {
  c.set(s.slots[0],
        extended(c.get<T>(s.slots[1])) * extended(c.get<T>(s.slots[2])) + c.registers[s.slots[3]]);
}
// The low 24 bits of both operands; hi: bits 47 to 16 of the product.
template <class T>
std::uint64_t product24(const Context& c, const Step& s) {
  const auto cut = [&](Slot slot) { return static_cast<T>(wrap<T>(extended(c.get<T>(slot)) << 8) >> 8); };
  const std::uint64_t product = extended(cut(s.slots[1])) * extended(cut(s.slots[2]));
  return s.option != 0 ? product >> 16 : product;
}
template <class T>
void multiply24(Context& c, const Step& s) {
  c.set(s.slots[0], wrap<T>(product24<T>(c, s)));
}
template <class T>
void multiply_add24(Context& c, const Step& s) {
  c.set(s.slots[0], wrap<T>(product24<T>(c, s) + extended(c.get<T>(s.slots[3]))));
}

// Sum of products of the bytes of a with bytes (dp4a) or with the 16-bit halves of a with two bytes of b
// (dp2a; option: 0 the low two, 2 the high two), added to c.
template <class A, class B>
void dot4(Context& c, const Step& s) {
  const std::uint32_t a = c.get<std::uint32_t>(s.slots[1]), b = c.get<std::uint32_t>(s.slots[2]);
  std::uint64_t sum = c.get<std::uint32_t>(s.slots[3]);
  for (unsigned i = 0; i < 4; ++i)
    sum += extended(static_cast<A>(a >> (8 * i))) * extended(static_cast<B>(b >> (8 * i)));
  c.set(s.slots[0], static_cast<std::uint32_t>(sum));
}
template <class A, class B>
void dot2(Context& c, const Step& s) {
  using Half = std::conditional_t<std::is_signed_v<A>, std::int16_t, std::uint16_t>;
  const std::uint32_t a = c.get<std::uint32_t>(s.slots[1]), b = c.get<std::uint32_t>(s.slots[2]);
  std::uint64_t sum = c.get<std::uint32_t>(s.slots[3]);
  for (unsigned i = 0; i < 2; ++i)
    sum += extended(static_cast<Half>(a >> (16 * i))) * extended(static_cast<B>(b >> (8 * (i + s.option))));
  c.set(s.slots[0], static_cast<std::uint32_t>(sum));
}

template <class Op, class SaturatingOp>
void decode_sum(Builder& b) {
  Modifiers m = b.modifiers();
  const Type type = m.type();
  const bool saturating = m.take("sat");
  m.finish();
  if (saturating && type != Type::s32) b.refuse(".sat is for .s32");
  add_uniform(b, type, 2, saturating ? binary_integer<SaturatingOp>(b, type) : binary_integer<Op>(b, type));
}

template <class Op>
void decode_binary(Builder& b) {
  Modifiers m = b.modifiers();
  const Type type = m.type();
  m.finish();
  add_uniform(b, type, 2, binary_integer<Op>(b, type));
}

template <class Op>
void decode_unary(Builder& b) {
  Modifiers m = b.modifiers();
  const Type type = m.type();
  m.finish();
  if (!is_signed(type)) b.refuse("expected a signed type");
  add_uniform(b, type, 1, unary_integer<Op>(b, type));
}

Type twice(Builder& b, Type type) {
  switch (type) {
    case Type::u16:
      return Type::u32;
    case Type::s16:
      return Type::s32;
    case Type::u32:
      return Type::u64;
    case Type::s32:
      return Type::s64;
    default:
      b.refuse(".wide is for 16- and 32-bit types");
  }
}

void decode_product(Builder& b, bool adds) {
  Modifiers m = b.modifiers();
  const auto part = m.take_one({"lo", "hi", "wide"});
  const bool saturating = m.take("sat");
  const Type type = m.type();
  m.finish();
  if (part.empty()) b.refuse("expected .lo, .hi or .wide");
  if (saturating) b.refuse(".sat is not supported here");
  const unsigned sources = adds ? 3 : 2;
  if (part == "wide") {
    const Type result = twice(b, type);
    b.expect_operands(sources + 1, sources + 1);
    const auto run = of_integer(
        b, type, [&]<class T>(T) -> Handler { return adds ? multiply_add_wide<T> : multiply_wide<T>; });
    Step step{.run = run, .slots = {b.destination(0, result), b.source(1, type), b.source(2, type)}};
    if (adds) step.slots[3] = b.source(3, result);
    return b.add(step);
  }
  const bool high = part == "hi";
  if (adds) {
    add_uniform(b, type, 3,
                high ? ternary_integer<MultiplyAddHigh>(b, type) : ternary_integer<MultiplyAddLow>(b, type));
  } else {
    add_uniform(b, type, 2,
                high ? binary_integer<MultiplyHigh>(b, type) : binary_integer<MultiplyLow>(b, type));
  }
}

void decode_product24(Builder& b, bool adds) {
  Modifiers m = b.modifiers();
  const auto part = m.take_one({"lo", "hi"});
  const Type type = m.type();
  m.finish();
  if (part.empty() || (type != Type::u32 && type != Type::s32))
    b.refuse("expected .lo or .hi, and .u32 or .s32");
  const bool is_signed = type == Type::s32;
  const Handler run = adds ? (is_signed ? multiply_add24<std::int32_t> : multiply_add24<std::uint32_t>)
                           : (is_signed ? multiply24<std::int32_t> : multiply24<std::uint32_t>);
  add_uniform(b, type, adds ? 3 : 2, run, part == "hi" ? 1 : 0);
}

void decode_dot(Builder& b, bool four) {
  Modifiers m = b.modifiers();
  const auto part = four ? std::string_view{} : m.take_one({"lo", "hi"});
  const Type a = m.type(), second = m.type();
  m.finish();
  const auto good = [](Type t) { return t == Type::u32 || t == Type::s32; };
  if (!good(a) || !good(second) || (!four && part.empty())) b.refuse("expected .u32 or .s32 twice");
  using S = std::int8_t;
  using U = std::uint8_t;
  const bool sa = a == Type::s32, sb = second == Type::s32;
  const Handler run = four ? (sa ? (sb ? dot4<S, S> : dot4<S, U>) : (sb ? dot4<U, S> : dot4<U, U>))
                           : (sa ? (sb ? dot2<S, S> : dot2<S, U>) : (sb ? dot2<U, S> : dot2<U, U>));
  add_uniform(b, Type::b32, 3, run, part == "hi" ? 2 : 0);
}

void decode_sad(Builder& b) {
  Modifiers m = b.modifiers();
  const Type type = m.type();
  m.finish();
  add_uniform(b, type, 3, ternary_integer<SumOfDifferences>(b, type));
}

constexpr std::array<Instruction, 6> kInstructions{{
    {"rem", decode_binary<Remainder>},
    {"sad", decode_sad},
    {"mul24", [](Builder& b) { decode_product24(b, false); }},
    {"mad24", [](Builder& b) { decode_product24(b, true); }},
    {"dp4a", [](Builder& b) { decode_dot(b, true); }},
    {"dp2a", [](Builder& b) { decode_dot(b, false); }},
}};

}  // namespace

void decode_integer_add(Builder& b) { decode_sum<Add, AddSaturating>(b); }
void decode_integer_subtract(Builder& b) { decode_sum<Subtract, SubtractSaturating>(b); }
void decode_integer_multiply(Builder& b) { decode_product(b, false); }
void decode_integer_multiply_add(Builder& b) { decode_product(b, true); }
void decode_integer_divide(Builder& b) { decode_binary<Divide>(b); }
void decode_integer_minimum(Builder& b) { decode_binary<Minimum>(b); }
void decode_integer_maximum(Builder& b) { decode_binary<Maximum>(b); }
void decode_integer_negate(Builder& b) { decode_unary<Negate>(b); }
void decode_integer_absolute(Builder& b) { decode_unary<Absolute>(b); }

std::span<const Instruction> integer_instructions() { return kInstructions; }

}  // namespace attnlab::emulator::ptx
