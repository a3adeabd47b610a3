// Number types: their names and sizes, and exact rounding to the low-precision floating-point formats.
//
// A floating-point format is three numbers (FloatFormat); every conversion below is written once in terms of
// them. Rounding is to nearest, ties to even, subnormals included, as IEEE 754 and the OCP 8-bit
// specification (OFP8) define it and as the GPU's cvt.rn instructions compute it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace attnlab {

enum class DType {
  f64,
  f32,
  f16,   // IEEE binary16
  bf16,  // bfloat16: the upper half of a binary32
  e4m3,  // FP8 for weights and activations ("e4m3fn": finite, one NaN pattern a sign)
  e5m2,  // FP8 for gradients: the upper half of a binary16
  i64,
  i32,
  i16,
  i8,
  u64,
  u32,
  u16,
  u8,
  boolean,  // one byte, 0 or 1
  int4,     // half a byte; for sizes only, no file holds it here
};

// The shortest usual name: "fp16", "fp8_e4m3", "int8", "bool".
std::string_view name(DType type);

// The type of a name in any of its usual spellings and any case: fp16, f16, half and float16 are one, fp8 is
// e4m3. Throws InvalidArgument("dtype", ...) listing every name.
DType parse_dtype(std::string_view text);

// The size of one element in bits.
int bits(DType type);

// Whether the type is a floating-point format, which the functions below demand.
bool is_float(DType type);

// A binary floating-point format: sign, exponent and mantissa from the most significant bit down. Exponent
// field 0 holds zero and the subnormals. With infinities, the largest exponent field is theirs and NaN's;
// without (E4M3, "FP8 Formats for Deep Learning", arXiv 2209.05433, section 3), only its all-ones mantissa is
// taken, by NaN.
struct FloatFormat {
  int exponent_bits;
  int mantissa_bits;  // stored ones, without the leading 1
  int bias;
  bool has_infinity;

  int min_exponent() const { return 1 - bias; }  // of the smallest normal, 2^min_exponent
  int max_exponent() const { return (1 << exponent_bits) - (has_infinity ? 2 : 1) - bias; }
  double max_finite() const;
  double min_normal() const;
  double min_subnormal() const;
  double unit_roundoff()
      const;  // the largest relative error of rounding to a normal number: 2^-(mantissa_bits + 1)
};

// Throws InvalidArgument for an integer type.
FloatFormat float_format(DType type);

// What becomes of a value that rounds beyond the largest finite number.
enum class Overflow {
  ieee,      // infinity; NaN in E4M3, which has none
  saturate,  // the largest finite number of its sign, for infinite inputs too (OFP8's saturating conversion)
};

// The nearest number of the format. NaN stays NaN and zero keeps its sign. Throws InvalidArgument for an
// integer type.
double round_to(DType type, double value, Overflow overflow = Overflow::ieee);
// In a span of floats, fp64 saturates at the largest float.
void round_to(DType type, std::span<float> values, Overflow overflow = Overflow::ieee);
void round_to(DType type, std::span<double> values, Overflow overflow = Overflow::ieee);

// The bit pattern, in the low bits(type) bits, of the value rounded to the format. Every NaN gives the quiet
// one of its sign. Throws InvalidArgument for an integer type.
std::uint64_t encode(DType type, double value, Overflow overflow = Overflow::ieee);

// The value of a bit pattern, exactly; bits above bits(type) are ignored. Throws InvalidArgument for an
// integer type.
double decode(DType type, std::uint64_t pattern);

}  // namespace attnlab
