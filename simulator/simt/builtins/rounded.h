// Arithmetic and conversions in the rounding modes of PTX, which C++ has no operators for.
#pragma once

namespace attnlab::simt::calls {

enum class Rounding { nearest, zero, up, down };

[[gnu::const]] float rounded_add(float a, float b, Rounding mode);
[[gnu::const]] float rounded_multiply(float a, float b, Rounding mode);
[[gnu::const]] float rounded_divide(float a, float b, Rounding mode);
[[gnu::const]] float rounded_root(float a, Rounding mode);
[[gnu::const]] float rounded_multiply_add(float a, float b, float c, Rounding mode);
[[gnu::const]] float rounded_float(double x, Rounding mode);

// Saturating; NaN gives 2^63 (as a bit pattern) in 64 bits, 0 in fewer.
[[gnu::const]] int to_int8(double x, Rounding mode);
[[gnu::const]] int to_uint8(double x, Rounding mode);
[[gnu::const]] int to_int16(double x, Rounding mode);
[[gnu::const]] int to_uint16(double x, Rounding mode);
[[gnu::const]] int to_int32(double x, Rounding mode);
[[gnu::const]] unsigned to_uint32(double x, Rounding mode);
[[gnu::const]] long long to_int64(double x, Rounding mode);
[[gnu::const]] unsigned long long to_uint64(double x, Rounding mode);

}  // namespace attnlab::simt::calls
