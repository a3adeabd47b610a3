// Arithmetic with a stated rounding, and conversions between floats and integers as the GPU's.
//
// The arithmetic is never contracted with its neighbours: an empty assembly statement hides operands and
// result from the compiler's search for multiply-adds.
#pragma once

#include "host_defines.h"
#include "math_functions.h"
#include "simulator/emulator/builtins/rounded.h"

namespace attnlab::emulator::builtins {

template <class T>
ATTNLAB_BUILTIN T attnlab_fixed(T x) {
  __asm__("" : "+x"(x));
  return x;
}

#define ATTNLAB_ARITHMETIC(T, d)                                                                           \
  ATTNLAB_BUILTIN T __##d##add_rn(T a, T b) { return attnlab_fixed(attnlab_fixed(a) + attnlab_fixed(b)); } \
  ATTNLAB_BUILTIN T __##d##sub_rn(T a, T b) { return attnlab_fixed(attnlab_fixed(a) - attnlab_fixed(b)); } \
  ATTNLAB_BUILTIN T __##d##mul_rn(T a, T b) { return attnlab_fixed(attnlab_fixed(a) * attnlab_fixed(b)); }

ATTNLAB_ARITHMETIC(float, f)
ATTNLAB_ARITHMETIC(double, d)
#undef ATTNLAB_ARITHMETIC

ATTNLAB_BUILTIN float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
ATTNLAB_BUILTIN double __fma_rn(double a, double b, double c) { return ::fma(a, b, c); }
ATTNLAB_BUILTIN float __fdiv_rn(float a, float b) { return calls::divide(a, b); }
ATTNLAB_BUILTIN double __ddiv_rn(double a, double b) { return a / b; }
ATTNLAB_BUILTIN float __frcp_rn(float x) { return calls::reciprocal(x); }
ATTNLAB_BUILTIN double __drcp_rn(double x) { return 1 / x; }
ATTNLAB_BUILTIN float __fsqrt_rn(float x) { return sqrtf(x); }
ATTNLAB_BUILTIN double __dsqrt_rn(double x) { return ::sqrt(x); }
ATTNLAB_BUILTIN float __frsqrt_rn(float x) { return ::rsqrtf(x); }

// Towards zero, up, down.
#define ATTNLAB_DIRECTED_IN(T, f, fma, suffix, mode)                                                    \
  ATTNLAB_BUILTIN T __##f##add_##suffix(T a, T b) {                                                     \
    return calls::rounded_add(a, b, calls::Rounding::mode);                                             \
  }                                                                                                     \
  ATTNLAB_BUILTIN T __##f##sub_##suffix(T a, T b) {                                                     \
    return calls::rounded_add(a, -b, calls::Rounding::mode);                                            \
  }                                                                                                     \
  ATTNLAB_BUILTIN T __##f##mul_##suffix(T a, T b) {                                                     \
    return calls::rounded_multiply(a, b, calls::Rounding::mode);                                        \
  }                                                                                                     \
  ATTNLAB_BUILTIN T __##f##div_##suffix(T a, T b) {                                                     \
    return calls::rounded_divide(a, b, calls::Rounding::mode);                                          \
  }                                                                                                     \
  ATTNLAB_BUILTIN T __##f##rcp_##suffix(T a) {                                                          \
    return calls::rounded_divide(T{1}, a, calls::Rounding::mode);                                       \
  }                                                                                                     \
  ATTNLAB_BUILTIN T __##f##sqrt_##suffix(T a) { return calls::rounded_root(a, calls::Rounding::mode); } \
  ATTNLAB_BUILTIN T __##fma##_##suffix(T a, T b, T c) {                                                 \
    return calls::rounded_multiply_add(a, b, c, calls::Rounding::mode);                                 \
  }
#define ATTNLAB_DIRECTED(suffix, mode)                      \
  ATTNLAB_DIRECTED_IN(float, f, fmaf, suffix, mode)         \
  ATTNLAB_DIRECTED_IN(double, d, fma, suffix, mode)         \
  ATTNLAB_BUILTIN float __double2float_##suffix(double x) { \
    return calls::rounded_float(x, calls::Rounding::mode);  \
  }                                                         \
  ATTNLAB_BUILTIN float __int2float_##suffix(int x) {       \
    return calls::rounded_float(x, calls::Rounding::mode);  \
  }                                                         \
  ATTNLAB_BUILTIN float __uint2float_##suffix(unsigned x) { \
    return calls::rounded_float(x, calls::Rounding::mode);  \
  }

ATTNLAB_DIRECTED(rz, zero)
ATTNLAB_DIRECTED(ru, up)
ATTNLAB_DIRECTED(rd, down)
#undef ATTNLAB_DIRECTED
#undef ATTNLAB_DIRECTED_IN

ATTNLAB_BUILTIN float __double2float_rn(double x) { return static_cast<float>(x); }
ATTNLAB_BUILTIN float __int2float_rn(int x) { return static_cast<float>(x); }
ATTNLAB_BUILTIN float __uint2float_rn(unsigned x) { return static_cast<float>(x); }
ATTNLAB_BUILTIN float __ll2float_rn(long long x) { return static_cast<float>(x); }
ATTNLAB_OPAQUE float __ull2float_rn(unsigned long long x) { return static_cast<float>(x); }
ATTNLAB_BUILTIN double __int2double_rn(int x) { return x; }
ATTNLAB_BUILTIN double __uint2double_rn(unsigned x) { return x; }
ATTNLAB_BUILTIN double __ll2double_rn(long long x) { return static_cast<double>(x); }
ATTNLAB_OPAQUE double __ull2double_rn(unsigned long long x) { return static_cast<double>(x); }

// To integers: out of range gives the nearest number of the type, NaN gives 0 in 32 bits and the top bit
// alone in 64.
#define ATTNLAB_TO_INTEGERS(from, T, suffix, mode)                                                       \
  ATTNLAB_BUILTIN int __##from##2int_##suffix(T x) { return calls::to_int32(x, calls::Rounding::mode); } \
  ATTNLAB_BUILTIN unsigned __##from##2uint_##suffix(T x) {                                               \
    return calls::to_uint32(x, calls::Rounding::mode);                                                   \
  }                                                                                                      \
  ATTNLAB_BUILTIN long long __##from##2ll_##suffix(T x) {                                                \
    return calls::to_int64(x, calls::Rounding::mode);                                                    \
  }                                                                                                      \
  ATTNLAB_BUILTIN unsigned long long __##from##2ull_##suffix(T x) {                                      \
    return calls::to_uint64(x, calls::Rounding::mode);                                                   \
  }
#define ATTNLAB_ALL_ROUNDINGS(from, T)      \
  ATTNLAB_TO_INTEGERS(from, T, rn, nearest) \
  ATTNLAB_TO_INTEGERS(from, T, rz, zero)    \
  ATTNLAB_TO_INTEGERS(from, T, ru, up)      \
  ATTNLAB_TO_INTEGERS(from, T, rd, down)
ATTNLAB_ALL_ROUNDINGS(float, float)
ATTNLAB_ALL_ROUNDINGS(double, double)
#undef ATTNLAB_ALL_ROUNDINGS
#undef ATTNLAB_TO_INTEGERS

}  // namespace attnlab::emulator::builtins
