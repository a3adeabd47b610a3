// Arithmetic and conversions in the rounding modes of PTX, which C++ has no operators for.
#pragma once

namespace attnlab::emulator::calls {

enum class Rounding { nearest, zero, up, down };

#define ATTNLAB_ROUNDED(T)                                    \
  [[gnu::const]] T rounded_add(T a, T b, Rounding mode);      \
  [[gnu::const]] T rounded_multiply(T a, T b, Rounding mode); \
  [[gnu::const]] T rounded_divide(T a, T b, Rounding mode);   \
  [[gnu::const]] T rounded_root(T a, Rounding mode);          \
  [[gnu::const]] T rounded_multiply_add(T a, T b, T c, Rounding mode);
ATTNLAB_ROUNDED(float)
ATTNLAB_ROUNDED(double)
#undef ATTNLAB_ROUNDED
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

}  // namespace attnlab::emulator::calls
