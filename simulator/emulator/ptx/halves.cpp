// fp16 and bf16 arithmetic, single and in pairs. Results are rounded once, from the exact value.
#include "simulator/emulator/device_calls.h"
#include "simulator/emulator/ptx/arithmetic.h"
#include "simulator/emulator/ptx/handlers.h"
#include "simulator/emulator/ptx/numbers.h"

namespace attnlab::emulator::ptx {
namespace {

struct Half {
  static float read(std::uint16_t bits) { return half_to_float(bits); }
  static std::uint16_t write(double value) { return to_half(value); }
  static constexpr float smallest_normal = 0x1p-14f;
};
struct Brain {
  static float read(std::uint16_t bits) { return brain_to_float(bits); }
  static std::uint16_t write(double value) { return to_brain(value); }
  static constexpr float smallest_normal = 0x1p-126f;
};

enum Flag : std::uint32_t {
  flush_subnormals = 1,
  saturating = 2,
  rectify = 4,
  propagate_nan = 8,
  xor_sign = 16
};

template <class Number>
double prepare(std::uint16_t bits, std::uint32_t option) {
  const float value = Number::read(bits);
  if ((option & flush_subnormals) != 0 && std::fabs(value) < Number::smallest_normal)
    return std::copysign(0.0f, value);
  return value;
}
template <class Number>
std::uint16_t finish(double value, std::uint32_t option) {
  if ((option & saturating) != 0) value = saturate(value);
  if ((option & rectify) != 0 && value <= 0) value = 0;
  std::uint16_t bits = Number::write(value);
  if ((option & flush_subnormals) != 0 && std::fabs(Number::read(bits)) < Number::smallest_normal)
    bits &= 0x8000;
  return bits;
}

// Products of two such numbers are exact in fp64; a sum is rounded to odd first, so that rounding it again is
// harmless.
struct Add {
  double operator()(double a, double b, double) const { return add_to_odd(a, b); }
};
struct Subtract {
  double operator()(double a, double b, double) const { return add_to_odd(a, -b); }
};
struct Multiply {
  double operator()(double a, double b, double) const { return a * b; }
};
struct Fused {
  double operator()(double a, double b, double c) const { return add_to_odd(a * b, c); }
};
struct Exp2 {
  double operator()(double a, double, double) const { return std::exp2(a); }
};
struct HyperbolicTangent {
  double operator()(double a, double, double) const { return std::tanh(a); }
};

template <class Op, class Number, unsigned count, unsigned sources>
void run_half(Context& c, const Step& s) {
  std::uint32_t result = 0;
  for (unsigned i = 0; i < count; ++i) {
    const auto value = [&](unsigned source) {
      if (source > sources) return 0.0;
      return prepare<Number>(static_cast<std::uint16_t>(c.registers[s.slots[source]] >> (16 * i)), s.option);
    };
    result |= static_cast<std::uint32_t>(finish<Number>(Op{}(value(1), value(2), value(3)), s.option))
              << (16 * i);
  }
  if (sources == 1) record_operation(Operation::special_function, count, c.site);
  c.set(s.slots[0], result);
}

template <class Number, unsigned count, bool larger>
void run_extremum(Context& c, const Step& s) {
  std::uint32_t result = 0;
  for (unsigned i = 0; i < count; ++i) {
    double a = prepare<Number>(static_cast<std::uint16_t>(c.registers[s.slots[1]] >> (16 * i)), s.option);
    double b = prepare<Number>(static_cast<std::uint16_t>(c.registers[s.slots[2]] >> (16 * i)), s.option);
    const bool negative = std::signbit(a) != std::signbit(b);
    if ((s.option & xor_sign) != 0) a = std::fabs(a), b = std::fabs(b);
    double chosen = b;
    if (std::isnan(a) || std::isnan(b)) {
      chosen = (s.option & propagate_nan) != 0 || std::isnan(b)
                   ? (std::isnan(a) || (s.option & propagate_nan) != 0 ? std::nan("") : a)
                   : b;
    } else if (a == b) {
      chosen = std::signbit(a) == larger ? b : a;  // -0 below +0
    } else {
      chosen = (a < b) != larger ? a : b;
    }
    if ((s.option & xor_sign) != 0 && !std::isnan(chosen) && negative) chosen = -chosen;
    result |= static_cast<std::uint32_t>(Number::write(chosen)) << (16 * i);
  }
  c.set(s.slots[0], result);
}

template <class Number, unsigned count, bool absolute>
void run_sign(Context& c, const Step& s) {
  std::uint32_t result = 0;
  for (unsigned i = 0; i < count; ++i) {
    auto bits = static_cast<std::uint16_t>(c.registers[s.slots[1]] >> (16 * i));
    if ((s.option & flush_subnormals) != 0 && std::fabs(Number::read(bits)) < Number::smallest_normal)
      bits &= 0x8000;
    bits = static_cast<std::uint16_t>(absolute ? bits & 0x7fff : bits ^ 0x8000);
    result |= static_cast<std::uint32_t>(bits) << (16 * i);
  }
  c.set(s.slots[0], result);
}

// choose<Number, count>() for the four types.
template <class Choose>
Handler of_half(Type type, Choose choose) {
  switch (type) {
    case Type::f16:
      return choose.template operator()<Half, 1>();
    case Type::f16x2:
      return choose.template operator()<Half, 2>();
    case Type::bf16:
      return choose.template operator()<Brain, 1>();
    default:
      return choose.template operator()<Brain, 2>();
  }
}

bool is_brain(Type type) { return type == Type::bf16 || type == Type::bf16x2; }

template <class Op, unsigned sources>
void decode_op(Builder& b) {
  Modifiers m = b.modifiers();
  const Type type = m.type();
  const bool fused = sources == 3;
  std::uint32_t option = 0;
  if (!m.take("rn") && fused) b.refuse("expected .rn");
  if (!is_brain(type)) {
    if (m.take("ftz")) option |= flush_subnormals;
    if (m.take("sat")) option |= saturating;
  }
  if (fused && m.take("relu")) option |= rectify;
  m.finish();
  add_uniform(
      b, type, sources,
      of_half(type,
              []<class Number, unsigned count>() -> Handler { return run_half<Op, Number, count, sources>; }),
      option);
}

template <bool larger>
void decode_extremum(Builder& b) {
  Modifiers m = b.modifiers();
  const Type type = m.type();
  std::uint32_t option = 0;
  if (!is_brain(type) && m.take("ftz")) option |= flush_subnormals;
  if (m.take("NaN")) option |= propagate_nan;
  if (m.take("xorsign")) {
    if (!m.take("abs")) b.refuse("expected .xorsign.abs");
    option |= xor_sign;
  }
  m.finish();
  add_uniform(
      b, type, 2,
      of_half(type,
              []<class Number, unsigned count>() -> Handler { return run_extremum<Number, count, larger>; }),
      option);
}

template <bool absolute>
void decode_sign(Builder& b) {
  Modifiers m = b.modifiers();
  const Type type = m.type();
  const std::uint32_t option = !is_brain(type) && m.take("ftz") ? std::uint32_t{flush_subnormals} : 0u;
  m.finish();
  add_uniform(
      b, type, 1,
      of_half(type,
              []<class Number, unsigned count>() -> Handler { return run_sign<Number, count, absolute>; }),
      option);
}

}  // namespace

void decode_half_add(Builder& b) { decode_op<Add, 2>(b); }
void decode_half_subtract(Builder& b) { decode_op<Subtract, 2>(b); }
void decode_half_multiply(Builder& b) { decode_op<Multiply, 2>(b); }
void decode_half_fused(Builder& b) { decode_op<Fused, 3>(b); }
void decode_half_minimum(Builder& b) { decode_extremum<false>(b); }
void decode_half_maximum(Builder& b) { decode_extremum<true>(b); }
void decode_half_negate(Builder& b) { decode_sign<false>(b); }
void decode_half_absolute(Builder& b) { decode_sign<true>(b); }

void decode_half_function(Builder& b) {
  Modifiers m = b.modifiers();
  const Type type = m.type();
  const bool tanh = b.statement().opcode == "tanh";
  if (!tanh && b.statement().opcode != "ex2")
    b.refuse("." + std::string(name(type)) + " is not supported here");
  if (!m.take("approx")) b.refuse("expected .approx");
  const bool flushes =
      !tanh && is_brain(type);  // ex2.approx.ftz.bf16 is written with .ftz and has no other form
  if (flushes && !m.take("ftz")) b.refuse("expected .approx.ftz");
  m.finish();
  const Handler run = of_half(type, [&]<class Number, unsigned count>() -> Handler {
    return tanh ? run_half<HyperbolicTangent, Number, count, 1> : run_half<Exp2, Number, count, 1>;
  });
  add_uniform(b, type, 1, run, flushes ? std::uint32_t{flush_subnormals} : 0u);
}

}  // namespace attnlab::emulator::ptx
