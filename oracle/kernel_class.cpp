#include "oracle/kernel_class.h"

#include <string>

#include "reference/core/errors.h"

namespace attnlab::oracle {
namespace {

// Formats that only arithmetic has, never a tensor.
struct ArithmeticFormat {
  const char* name;
  FloatFormat format;
};
constexpr ArithmeticFormat kArithmetic[] = {
    {"tf32", {8, 10, 127, true}},
    // What Hopper's FP8 tensor cores add with: some 14 bits (DeepSeek-V3 technical report, section 3.3.2).
    {"fp22", {8, 13, 127, true}},
};

std::string float_names() {
  std::string names;
  for (const DType type : {DType::f64, DType::f32, DType::f16, DType::bf16, DType::e4m3, DType::e5m2}) {
    names += std::string(name(type)) + ", ";
  }
  return names + kArithmetic[0].name + ", " + kArithmetic[1].name;
}

}  // namespace

FloatFormat tf32() { return kArithmetic[0].format; }

FloatFormat parse_format(const std::string& argument, std::string_view text) {
  for (const ArithmeticFormat& known : kArithmetic) {
    if (text == known.name) return known.format;
  }
  try {
    return float_format(parse_dtype(text));
  } catch (const InvalidArgument&) {
    throw InvalidArgument(argument, std::string(text), "one of " + float_names());
  }
}

KernelClass usual_class(DType inputs) {
  const std::string in(name(inputs));
  KernelClass usual;
  usual.p = float_format(inputs);  // refuses integers
  switch (inputs) {
    case DType::f64:
      usual.accumulator = usual.p;
      usual.truncating = false;
      usual.exp_error = 0x1p-50;
      usual.tanh_error = 0x1p-50;
      usual.name = "fp64 throughout";
      return usual;
    case DType::f32:
      usual.accumulator = usual.p;
      usual.truncating = false;
      usual.tanh_error = 0x1p-20;
      usual.name = "fp32 throughout";
      return usual;
    case DType::e4m3:
    case DType::e5m2:
      usual.p = float_format(DType::e4m3);
      usual.p_scale = 256;
      usual.accumulator = float_format(DType::f32);
      usual.name = in + " in, P fp8_e4m3 times 256, fp32 accumulation";
      return usual;
    default:
      usual.accumulator = float_format(DType::f32);
      usual.name = in + " in, P " + in + ", fp32 accumulation";
      return usual;
  }
}

}  // namespace attnlab::oracle
