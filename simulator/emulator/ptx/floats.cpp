// fp32 and fp64 arithmetic, with PTX's roundings, flushing (.ftz) and saturation.
//
// Where PTX allows an approximation (.approx, .full) the result here is the exact one, rounded once: a GPU's
// may differ in the last bits.
#include <cfenv>

#include "simulator/emulator/device_calls.h"
#include "simulator/emulator/ptx/arithmetic.h"
#include "simulator/emulator/ptx/handlers.h"
#include "simulator/emulator/ptx/numbers.h"
#include "simulator/emulator/ptx/rounding.h"

namespace attnlab::emulator::ptx {
namespace {

// A step's option: two bits of rounding, then flags.
enum Flag : std::uint32_t {
  rounding_bits = 3,
  flush_subnormals = 4,
  saturating = 8,
  propagate_nan = 16,
  xor_sign = 32,
  narrow_range = 64,  // div.approx
};

struct Add {
  static constexpr Operation counted = Operation::fadd;
  template <class T>
  T operator()(T a, T b, T) const {
    return a + b;
  }
};
struct Subtract {
  static constexpr Operation counted = Operation::fadd;
  template <class T>
  T operator()(T a, T b, T) const {
    return a - b;
  }
};
struct Multiply {
  static constexpr Operation counted = Operation::fmul;
  template <class T>
  T operator()(T a, T b, T) const {
    return a * b;
  }
};
struct Fused {
  static constexpr Operation counted = Operation::fma;
  template <class T>
  T operator()(T a, T b, T c) const {
    return std::fma(a, b, c);
  }
};
struct Divide {
  static constexpr Operation counted = Operation::special_function;
  template <class T>
  T operator()(T a, T b, T) const {
    return a / b;
  }
};

float finish(float value, std::uint32_t option) {
  value = canonical(value);
  if ((option & flush_subnormals) != 0) value = flush(value);
  return (option & saturating) != 0 ? saturate(value) : value;
}
double finish(double value, std::uint32_t) { return value; }
float prepare(float value, std::uint32_t option) {
  return (option & flush_subnormals) != 0 ? flush(value) : value;
}
double prepare(double value, std::uint32_t) { return value; }

template <class Op, class T, unsigned sources>
void run_float(Context& c, const Step& s) {
  const T x = prepare(c.get<T>(s.slots[1]), s.option);
  const T y = prepare(c.get<T>(s.slots[2]), s.option);
  const T z = sources == 3 ? prepare(c.get<T>(s.slots[3]), s.option) : T{0};
  const auto rounding = static_cast<Rounding>(s.option & rounding_bits);
  T result = rounding == Rounding::nearest_even
                 ? Op{}(x, y, z)
                 : rounded(
                       rounding, [](T a, T b, T d) { return Op{}(a, b, d); }, x, y, z);
  if (std::is_same_v<Op, Divide> && (s.option & narrow_range) != 0 && std::fabs(y) > T(0x1p126) &&
      !std::isinf(y)) {
    result =
        std::isinf(x) ? std::numeric_limits<T>::quiet_NaN() : std::copysign(T{0}, x) * std::copysign(T{1}, y);
  }
  if constexpr (sizeof(T) == 4) record_operation(Op::counted, 1, c.site);
  c.set(s.slots[0], finish(result, s.option));
}

// The number, if one is NaN; -0 below +0.
template <class T, bool larger>
void run_extremum(Context& c, const Step& s) {
  T a = prepare(c.get<T>(s.slots[1]), s.option), b = prepare(c.get<T>(s.slots[2]), s.option);
  const bool negative = std::signbit(a) != std::signbit(b);
  if ((s.option & xor_sign) != 0) a = std::fabs(a), b = std::fabs(b);
  T result = b;
  if (a != a || b != b) {
    const bool nan = (s.option & propagate_nan) != 0 || (a != a && b != b);
    result = nan ? std::numeric_limits<T>::quiet_NaN() : a != a ? b : a;
  } else if (a == b) {
    result = std::signbit(a) == larger ? b : a;
  } else {
    result = (a < b) != larger ? a : b;
  }
  if ((s.option & xor_sign) != 0 && result == result) result = negative ? -result : result;
  c.set(s.slots[0], finish(result, s.option));
}

template <class T>
void run_negate(Context& c, const Step& s) {
  c.set(s.slots[0], -prepare(c.get<T>(s.slots[1]), s.option));
}
template <class T>
void run_absolute(Context& c, const Step& s) {
  c.set(s.slots[0], std::fabs(prepare(c.get<T>(s.slots[1]), s.option)));
}

std::uint32_t take_flags(Builder& b, Modifiers& m, Type type) {
  std::uint32_t option = 0;
  if (m.take("ftz")) option |= flush_subnormals;
  if (m.take("sat")) option |= saturating;
  if (option != 0 && type != Type::f32) b.refuse(".ftz and .sat are for .f32");
  return option;
}

template <class Op, unsigned sources>
void decode_op(Builder& b, bool needs_rounding) {
  Modifiers m = b.modifiers();
  const Type type = m.type();
  const auto rounding = take_rounding(m);
  if (needs_rounding && !rounding) b.refuse("it names no rounding");
  const std::uint32_t option =
      take_flags(b, m, type) | static_cast<std::uint32_t>(rounding.value_or(Rounding::nearest_even));
  m.finish();
  add_uniform(b, type, sources,
              type == Type::f32 ? run_float<Op, float, sources> : run_float<Op, double, sources>, option);
}

template <bool larger>
void decode_extremum(Builder& b) {
  Modifiers m = b.modifiers();
  const Type type = m.type();
  std::uint32_t option = 0;
  if (type == Type::f32) {
    if (m.take("ftz")) option |= flush_subnormals;
    if (m.take("NaN")) option |= propagate_nan;
    if (m.take("xorsign")) {
      if (!m.take("abs")) b.refuse("expected .xorsign.abs");
      option |= xor_sign;
    }
  }
  m.finish();
  add_uniform(b, type, 2, type == Type::f32 ? run_extremum<float, larger> : run_extremum<double, larger>,
              option);
}

void decode_sign(Builder& b, Handler single, Handler wide) {
  Modifiers m = b.modifiers();
  const Type type = m.type();
  const std::uint32_t option = take_flags(b, m, type);
  m.finish();
  add_uniform(b, type, 1, type == Type::f32 ? single : wide, option);
}

// --- functions --------------------------------------------------------------------------------------------
struct Reciprocal {
  template <class T>
  T operator()(T x) const {
    return 1 / x;
  }
};
struct SquareRoot {
  template <class T>
  T operator()(T x) const {
    return std::sqrt(x);
  }
};
// The rest are computed in fp64 and rounded once.
struct ReciprocalSquareRoot {
  double operator()(double x) const { return 1 / std::sqrt(x); }
};
struct Exp2 {
  double operator()(double x) const { return std::exp2(x); }
};
struct Log2 {
  double operator()(double x) const { return std::log2(x); }
};
struct Sine {
  double operator()(double x) const { return std::sin(x); }
};
struct Cosine {
  double operator()(double x) const { return std::cos(x); }
};
struct HyperbolicTangent {
  double operator()(double x) const { return std::tanh(x); }
};

template <class Op, class T>
void run_function(Context& c, const Step& s) {
  const T x = prepare(c.get<T>(s.slots[1]), s.option);
  const auto rounding = static_cast<Rounding>(s.option & rounding_bits);
  const T result = rounding == Rounding::nearest_even
                       ? static_cast<T>(Op{}(x))
                       : rounded(
                             rounding, [](T a, T, T) { return static_cast<T>(Op{}(a)); }, x, T{0}, T{0});
  record_operation(Operation::special_function, 1, c.site);
  c.set(s.slots[0], finish(result, s.option));
}

struct Function {
  std::string_view opcode;
  Handler single, wide;  // wide: null where PTX has none
  bool exact;            // also with a rounding instead of .approx
};
constexpr Function kFunctions[] = {
    {"rcp", run_function<Reciprocal, float>, run_function<Reciprocal, double>, true},
    {"sqrt", run_function<SquareRoot, float>, run_function<SquareRoot, double>, true},
    {"rsqrt", run_function<ReciprocalSquareRoot, float>, run_function<ReciprocalSquareRoot, double>, false},
    {"ex2", run_function<Exp2, float>, nullptr, false},
    {"lg2", run_function<Log2, float>, nullptr, false},
    {"sin", run_function<Sine, float>, nullptr, false},
    {"cos", run_function<Cosine, float>, nullptr, false},
    {"tanh", run_function<HyperbolicTangent, float>, nullptr, false},
};

}  // namespace

void decode_float_add(Builder& b) { decode_op<Add, 2>(b, false); }
void decode_float_subtract(Builder& b) { decode_op<Subtract, 2>(b, false); }
void decode_float_multiply(Builder& b) { decode_op<Multiply, 2>(b, false); }
void decode_float_fused(Builder& b) { decode_op<Fused, 3>(b, true); }
void decode_float_minimum(Builder& b) { decode_extremum<false>(b); }
void decode_float_maximum(Builder& b) { decode_extremum<true>(b); }
void decode_float_negate(Builder& b) { decode_sign(b, run_negate<float>, run_negate<double>); }
void decode_float_absolute(Builder& b) { decode_sign(b, run_absolute<float>, run_absolute<double>); }

void decode_float_divide(Builder& b) {
  Modifiers m = b.modifiers();
  const Type type = m.type();
  const bool approximate = m.take("approx"), full = m.take("full");
  const auto rounding = take_rounding(m);
  std::uint32_t option =
      take_flags(b, m, type) | static_cast<std::uint32_t>(rounding.value_or(Rounding::nearest_even));
  m.finish();
  if (approximate + full + (rounding ? 1 : 0) != 1) b.refuse("expected one of .approx, .full and a rounding");
  if ((approximate || full) && type != Type::f32) b.refuse(".approx and .full are for .f32");
  if (approximate) option |= narrow_range;
  add_uniform(b, type, 2, type == Type::f32 ? run_float<Divide, float, 2> : run_float<Divide, double, 2>,
              option);
}

void decode_function(Builder& b) {
  const Function* function = nullptr;
  for (const Function& f : kFunctions)
    if (f.opcode == b.statement().opcode) function = &f;
  Modifiers m = b.modifiers();
  const Type type = m.type();
  if (type != Type::f32 && (type != Type::f64 || function->wide == nullptr))
    b.refuse("." + std::string(name(type)) + " is not supported here");
  const bool approximate = m.take("approx");
  const auto rounding = function->exact ? take_rounding(m) : std::nullopt;
  const std::uint32_t option =
      take_flags(b, m, type) | static_cast<std::uint32_t>(rounding.value_or(Rounding::nearest_even));
  m.finish();
  if (approximate == rounding.has_value())
    b.refuse(function->exact ? "expected .approx or a rounding" : "expected .approx");
  if (function->exact && approximate && type == Type::f64) b.refuse(".approx with .f64 is not supported");
  add_uniform(b, type, 1, type == Type::f32 ? function->single : function->wide, option);
}

}  // namespace attnlab::emulator::ptx
