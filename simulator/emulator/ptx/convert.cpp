// cvt: between every two of the integer and floating-point types, and the packed conversions.
#include <algorithm>
#include <array>

#include "simulator/emulator/ptx/handlers.h"
#include "simulator/emulator/ptx/numbers.h"
#include "simulator/emulator/ptx/rounding.h"

namespace attnlab::emulator::ptx {
namespace {

enum Flag : std::uint32_t {
  flush_subnormals = 1,
  saturating = 2,  // .sat: [0, 1], or the integer's range
  rectify = 4,     // .relu
  finite = 8,      // .satfinite
  to_integral = 16,
};

// A step's option: flags, rounding from bit 8, destination type from bit 16, source type from bit 24.
std::uint32_t packed(std::uint32_t flags, Rounding rounding, Type to, Type from) {
  return flags | static_cast<std::uint32_t>(rounding) << 8 | static_cast<std::uint32_t>(to) << 16 |
         static_cast<std::uint32_t>(from) << 24;
}
Rounding rounding_of(const Step& s) { return static_cast<Rounding>(s.option >> 8 & 0xff); }
Type to_of(const Step& s) { return static_cast<Type>(s.option >> 16 & 0xff); }
Type from_of(const Step& s) { return static_cast<Type>(s.option >> 24); }

// Integers travel as their two's complement in 64 bits, extended by their type.
std::uint64_t read_integer(const Context& c, Slot slot, Type type) {
  const std::uint64_t value = c.registers[slot];
  switch (type) {
    case Type::s8:
      return static_cast<std::uint64_t>(static_cast<std::int8_t>(value));
    case Type::s16:
      return static_cast<std::uint64_t>(static_cast<std::int16_t>(value));
    case Type::s32:
      return static_cast<std::uint64_t>(static_cast<std::int32_t>(value));
    case Type::s64:
    case Type::u64:
      return value;
    default:
      return value & ((std::uint64_t{1} << bits(type)) - 1);
  }
}
double read_float(const Context& c, Slot slot, Type type, std::uint32_t flags) {
  switch (type) {
    case Type::f64:
      return c.get<double>(slot);
    case Type::f16:
      return half_to_float(c.get<std::uint16_t>(slot));
    case Type::bf16:
      return brain_to_float(c.get<std::uint16_t>(slot));
    default:
      break;
  }
  const float value = c.get<float>(slot);
  return (flags & flush_subnormals) != 0 ? flush(value) : value;
}

const FloatFormat& format_of(Type type) {
  switch (type) {
    case Type::f16:
      return kFormatF16;
    case Type::bf16:
      return kFormatBf16;
    case Type::tf32:
      return kFormatTf32;
    case Type::e4m3:
      return kFormatE4m3;
    case Type::e5m2:
      return kFormatE5m2;
    default:
      return kFormatF32;
  }
}

std::uint64_t write_float(double value, Type type, Rounding rounding, std::uint32_t flags) {
  if ((flags & saturating) != 0) value = saturate(value);
  if ((flags & rectify) != 0 && value <= 0) value = 0;
  if (type == Type::f64) return std::bit_cast<std::uint64_t>(value);
  std::uint32_t bits = encode(value, format_of(type), rounding, (flags & finite) != 0);
  if (type == Type::f32 && (flags & flush_subnormals) != 0) bits = as_bits(flush(as_float(bits)));
  if (type == Type::tf32) bits = std::isnan(value) ? 0x7fffffffu : bits << 13;
  // .rna lets NaN through, on an H200.
  if (rounding == Rounding::nearest_away && std::isnan(value))
    bits = as_bits(static_cast<float>(value)) & 0xffffe000u;
  return bits;
}

double integral(double value, Rounding rounding) {
  switch (rounding) {
    case Rounding::toward_zero:
      return std::trunc(value);
    case Rounding::down:
      return std::floor(value);
    case Rounding::up:
      return std::ceil(value);
    default:
      return std::nearbyint(value);
  }
}

void integer_to_integer(Context& c, const Step& s) {
  const Type to = to_of(s), from = from_of(s);
  std::uint64_t value = read_integer(c, s.slots[1], from);
  const unsigned width = bits(to);
  if ((s.option & saturating) != 0) {
    __extension__ using Wide = __int128;
    const Wide exact = is_signed(from) ? Wide{static_cast<std::int64_t>(value)} : Wide{value};
    const Wide largest = (Wide{1} << (is_signed(to) ? width - 1 : width)) - 1;
    const Wide smallest = is_signed(to) ? -largest - 1 : Wide{0};
    value = static_cast<std::uint64_t>(std::clamp(exact, smallest, largest));
  }
  c.registers[s.slots[0]] = value;
  c.registers[s.slots[0]] = read_integer(c, s.slots[0], to);  // extended into a wider register
}

// Out of range: the nearest integer of the type. NaN: 0, but the most negative pattern where 64 bits are
// involved.
void float_to_integer(Context& c, const Step& s) {
  const Type to = to_of(s), from = from_of(s);
  const double value = read_float(c, s.slots[1], from, s.option);
  const unsigned width = bits(to);
  std::uint64_t result = 0;
  if (std::isnan(value)) {
    result = from == Type::f64 || width == 64 ? std::uint64_t{1} << (width - 1) : 0;
  } else {
    const double whole = integral(value, rounding_of(s));
    const double beyond = std::ldexp(1.0, static_cast<int>(is_signed(to) ? width - 1 : width));
    const std::uint64_t largest =
        is_signed(to) ? (std::uint64_t{1} << (width - 1)) - 1 : ~std::uint64_t{0} >> (64 - width);
    if (whole >= beyond)
      result = largest;
    else if (is_signed(to))
      result = whole < -beyond ? ~largest : static_cast<std::uint64_t>(static_cast<std::int64_t>(whole));
    else
      result = whole < 0 ? 0 : static_cast<std::uint64_t>(whole);
  }
  c.registers[s.slots[0]] = result;
}

void integer_to_float(Context& c, const Step& s) {
  const Type to = to_of(s), from = from_of(s);
  const std::uint64_t value = read_integer(c, s.slots[1], from);
  double exact = is_signed(from) ? to_odd(static_cast<std::int64_t>(value)) : to_odd(value);
  if (to == Type::f64) {
    exact = rounded(
        rounding_of(s),
        [&](double, double, double) {
          return is_signed(from) ? static_cast<double>(static_cast<std::int64_t>(value))
                                 : static_cast<double>(value);
        },
        0.0, 0.0, 0.0);
  }
  c.registers[s.slots[0]] = write_float(exact, to, rounding_of(s), s.option);
}

void float_to_float(Context& c, const Step& s) {
  double value = read_float(c, s.slots[1], from_of(s), s.option);
  if ((s.option & to_integral) != 0) value = integral(value, rounding_of(s));
  c.registers[s.slots[0]] = write_float(value, to_of(s), rounding_of(s), s.option);
}

// Two fp32 to two narrower ones, the first source above the second.
void pack_floats(Context& c, const Step& s) {
  const Type to = to_of(s);
  std::uint64_t result = 0;
  for (unsigned i = 0; i < 2; ++i)
    result = result << bits(to) | write_float(c.get<float>(s.slots[1 + i]), to, rounding_of(s), s.option);
  c.registers[s.slots[0]] = result;
}
// A pair of fp16 to a pair of fp8, and back.
void narrow_pair(Context& c, const Step& s) {
  std::uint64_t result = 0;
  for (unsigned i = 0; i < 2; ++i) {
    const float value = half_to_float(static_cast<std::uint16_t>(c.registers[s.slots[1]] >> (16 * i)));
    result |= write_float(value, to_of(s), rounding_of(s), s.option) << (8 * i);
  }
  c.registers[s.slots[0]] = result;
}
void widen_pair(Context& c, const Step& s) {
  std::uint64_t result = 0;
  for (unsigned i = 0; i < 2; ++i) {
    const auto byte = static_cast<std::uint32_t>(c.registers[s.slots[1]] >> (8 * i)) & 0xff;
    result |= write_float(decode(byte, format_of(from_of(s))), Type::f16, rounding_of(s), s.option)
              << (16 * i);
  }
  c.registers[s.slots[0]] = result;
}

// --- decoding ---------------------------------------------------------------------------------------------
std::optional<Type> part_of_pair(Type pair) {
  switch (pair) {
    case Type::f16x2:
      return Type::f16;
    case Type::bf16x2:
      return Type::bf16;
    case Type::e4m3x2:
      return Type::e4m3;
    case Type::e5m2x2:
      return Type::e5m2;
    default:
      return std::nullopt;
  }
}

void decode_pair(Builder& b, Modifiers& m, Type to, Type from, Rounding rounding, std::uint32_t flags) {
  const auto part = part_of_pair(to), source_part = part_of_pair(from);
  const bool to_fp8 = part && bits(*part) == 8;
  m.finish();
  if (to_fp8 && (rounding != Rounding::nearest_even || (flags & finite) == 0))
    b.refuse("expected .rn.satfinite");
  if (part && from == Type::f32) {
    b.expect_operands(3, 3);
    return b.add({.run = pack_floats,
                  .slots = {b.destination(0, to), b.source(1, from), b.source(2, from)},
                  .option = packed(flags, rounding, *part, from)});
  }
  const bool narrows = to_fp8 && from == Type::f16x2;
  const bool widens = to == Type::f16x2 && source_part && bits(*source_part) == 8;
  if (!narrows && !widens) b.refuse("this conversion is not supported");
  b.expect_operands(2, 2);
  b.add({.run = narrows ? narrow_pair : widen_pair,
         .slots = {b.destination(0, to), b.source(1, from)},
         .option = packed(flags, rounding, *part, narrows ? Type::f16 : *source_part)});
}

void decode_cvt(Builder& b) {
  Modifiers m = b.modifiers();
  auto rounding = take_rounding(m);
  const auto whole = m.take_one({"rni", "rzi", "rmi", "rpi"});
  const bool away = m.take("rna");
  std::uint32_t flags = 0;
  if (m.take("ftz")) flags |= flush_subnormals;
  if (m.take("sat")) flags |= saturating;
  if (m.take("relu")) flags |= rectify;
  if (m.take("satfinite")) flags |= finite;
  const Type to = m.type(), from = m.type();
  if (!whole.empty()) rounding = rounding_named(whole.substr(0, 2));
  if (away) rounding = Rounding::nearest_away;
  const Rounding how = rounding.value_or(Rounding::nearest_even);
  if (part_of_pair(to) || part_of_pair(from)) {
    if (!rounding || away || !whole.empty() || (flags & (saturating | flush_subnormals)) != 0)
      b.refuse("expected .rn or .rz");
    return decode_pair(b, m, to, from, how, flags);
  }
  m.finish();
  b.expect_operands(2, 2);

  const auto scalar = [](Type t) {
    return t == Type::f16 || t == Type::bf16 || t == Type::f32 || t == Type::f64;
  };
  const auto whole_type = [](Type t) { return is_integer(t) && name(t)[0] != 'b'; };
  const bool from_float = scalar(from), to_float = scalar(to) || to == Type::tf32;
  if ((!from_float && !whole_type(from)) || (!to_float && !whole_type(to)))
    b.refuse("this conversion is not supported");
  if ((flags & flush_subnormals) != 0 && from != Type::f32 && to != Type::f32) b.refuse(".ftz is for .f32");
  if (away != (to == Type::tf32 && how == Rounding::nearest_away)) b.refuse(".rna is for .tf32");
  if ((flags & (rectify | finite)) != 0 &&
      (from != Type::f32 || (to != Type::f16 && to != Type::bf16 && to != Type::tf32)))
    b.refuse(".relu and .satfinite are not supported here");
  Handler run = integer_to_integer;
  if (from_float && to_float) {
    run = float_to_float;
    const bool narrows = to == Type::tf32 || bits(to) < bits(from) || (bits(to) == 16 && to != from);
    if (narrows && (!rounding || !whole.empty())) b.refuse("it names no rounding");
    if (!narrows && rounding && whole.empty()) b.refuse("it needs no rounding");
    if (to == Type::tf32 && from != Type::f32) b.refuse("expected .f32 as the source");
    if (!whole.empty()) flags |= to_integral;
  } else if (from_float) {
    if (whole.empty()) b.refuse("it names no rounding to an integer (.rni, .rzi, .rmi, .rpi)");
    run = float_to_integer;
  } else if (to_float) {
    if (!rounding || !whole.empty()) b.refuse("it names no rounding");
    run = integer_to_float;
  } else if (rounding) {
    b.refuse("it needs no rounding");
  }
  b.add(
      {.run = run,
       .slots = {b.destination(0, to, Builder::Width::at_least), b.source(1, from, Builder::Width::at_least)},
       .option = packed(flags, how, to, from)});
}

constexpr std::array<Instruction, 1> kInstructions{{{"cvt", decode_cvt}}};

}  // namespace

std::span<const Instruction> convert_instructions() { return kInstructions; }

}  // namespace attnlab::emulator::ptx
