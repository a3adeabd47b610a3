// bf16: __nv_bfloat16, __nv_bfloat162, their conversions and arithmetic. As cuda_fp16.h.
#pragma once

#define __CUDA_BF16_H__

#include <type_traits>

#include "cuda_fp16.h"

namespace attnlab::emulator::builtins {

struct __nv_bfloat16_raw {
  unsigned short x;
};
struct __nv_bfloat162_raw {
  unsigned short x, y;
};

// The upper half of a float, rounded to nearest even; NaN becomes CUDA's, 0x7fff, without a branch.
ATTNLAB_BUILTIN unsigned short attnlab_bfloat_of_float(float x) {
  const auto bits = __builtin_bit_cast(unsigned, x);
  const unsigned rounded = (bits + 0x7fffu + (bits >> 16 & 1)) >> 16;
  const auto nan = attnlab_flag(x != x) * 0xffffu;
  return static_cast<unsigned short>((rounded | nan) & (0xffffu ^ (nan & 0x8000u)));
}

struct __nv_bfloat16 {
  unsigned short attnlab_bits;

  __nv_bfloat16() = default;
  constexpr __nv_bfloat16(const __nv_bfloat16_raw& raw) : attnlab_bits(raw.x) {}
  __attribute__((always_inline)) __nv_bfloat16(float x) : attnlab_bits(attnlab_bfloat_of_float(x)) {}
  __attribute__((always_inline)) __nv_bfloat16(double x)
      : attnlab_bits(calls::half_of(x, calls::Rounding::nearest, calls::Half::bf16)) {}
  __attribute__((always_inline)) explicit __nv_bfloat16(__half x)
      : attnlab_bits(attnlab_bfloat_of_float(__half2float(x))) {}
  template <class T, std::enable_if_t<std::is_integral_v<T>, int> = 0>
  __attribute__((always_inline)) __nv_bfloat16(T x) : attnlab_bits(of_integer(x)) {}

  __attribute__((always_inline)) operator float() const {
    return __builtin_bit_cast(float, static_cast<unsigned>(attnlab_bits) << 16);
  }
  constexpr operator __nv_bfloat16_raw() const { return {attnlab_bits}; }

 private:
  template <class T>
  __attribute__((always_inline)) static unsigned short of_integer(T x) {
    if constexpr (sizeof(T) < 8)
      return calls::half_of(x, calls::Rounding::nearest, calls::Half::bf16);
    else if constexpr (std::is_signed_v<T>)
      return calls::half_of_int64(x, calls::Rounding::nearest, calls::Half::bf16);
    else
      return calls::half_of_uint64(x, calls::Rounding::nearest, calls::Half::bf16);
  }
};

struct alignas(4) __nv_bfloat162 {
  __nv_bfloat16 x, y;

  __nv_bfloat162() = default;
  constexpr __nv_bfloat162(const __nv_bfloat16& a, const __nv_bfloat16& b) : x(a), y(b) {}
  constexpr __nv_bfloat162(const __nv_bfloat162_raw& raw)
      : x(__nv_bfloat16_raw{raw.x}), y(__nv_bfloat16_raw{raw.y}) {}
  constexpr operator __nv_bfloat162_raw() const { return {x.attnlab_bits, y.attnlab_bits}; }
};

using nv_bfloat16 = __nv_bfloat16;
using nv_bfloat162 = __nv_bfloat162;

// --- conversions ------------------------------------------------------------------------------------------
ATTNLAB_BUILTIN __nv_bfloat16 attnlab_of_bits(unsigned short bits, __nv_bfloat16) {
  return __nv_bfloat16_raw{bits};
}
ATTNLAB_BUILTIN float attnlab_float(__nv_bfloat16 x) {
  return __builtin_bit_cast(float, static_cast<unsigned>(x.attnlab_bits) << 16);
}
ATTNLAB_BUILTIN __nv_bfloat16 attnlab_round(float x, __nv_bfloat16) {
  return __nv_bfloat16_raw{attnlab_bfloat_of_float(x)};
}

ATTNLAB_BUILTIN float __bfloat162float(__nv_bfloat16 x) { return attnlab_float(x); }
ATTNLAB_BUILTIN __nv_bfloat16 __float2bfloat16(float x) { return attnlab_round(x, __nv_bfloat16()); }
ATTNLAB_BUILTIN __nv_bfloat16 __float2bfloat16_rn(float x) { return attnlab_round(x, __nv_bfloat16()); }
ATTNLAB_BUILTIN __nv_bfloat16 __float2bfloat16_rz(float x) {
  return __nv_bfloat16_raw{calls::half_of(x, calls::Rounding::zero, calls::Half::bf16)};
}
ATTNLAB_BUILTIN __nv_bfloat16 __float2bfloat16_ru(float x) {
  return __nv_bfloat16_raw{calls::half_of(x, calls::Rounding::up, calls::Half::bf16)};
}
ATTNLAB_BUILTIN __nv_bfloat16 __float2bfloat16_rd(float x) {
  return __nv_bfloat16_raw{calls::half_of(x, calls::Rounding::down, calls::Half::bf16)};
}
ATTNLAB_BUILTIN __nv_bfloat16 __double2bfloat16(double x) { return __nv_bfloat16(x); }

#define ATTNLAB_T __nv_bfloat16
#define ATTNLAB_FORMAT calls::Half::bf16
#define ATTNLAB_NAME(before, after) before##bfloat16##after
#include "half_conversions.inc"
#undef ATTNLAB_NAME

// --- pairs -----------------------------------------------------------------------------------------------
ATTNLAB_BUILTIN __nv_bfloat162 make_bfloat162(__nv_bfloat16 x, __nv_bfloat16 y) { return {x, y}; }
ATTNLAB_BUILTIN __nv_bfloat162 __halves2bfloat162(__nv_bfloat16 a, __nv_bfloat16 b) { return {a, b}; }
ATTNLAB_BUILTIN __nv_bfloat162 __bfloat162bfloat162(__nv_bfloat16 a) { return {a, a}; }
ATTNLAB_BUILTIN __nv_bfloat162 __float2bfloat162_rn(float a) {
  return {__float2bfloat16_rn(a), __float2bfloat16_rn(a)};
}
ATTNLAB_BUILTIN __nv_bfloat162 __floats2bfloat162_rn(float a, float b) {
  return {__float2bfloat16_rn(a), __float2bfloat16_rn(b)};
}
ATTNLAB_BUILTIN __nv_bfloat162 __float22bfloat162_rn(float2 a) {
  return {__float2bfloat16_rn(a.x), __float2bfloat16_rn(a.y)};
}
ATTNLAB_BUILTIN float2 __bfloat1622float2(__nv_bfloat162 a) {
  return {attnlab_float(a.x), attnlab_float(a.y)};
}
ATTNLAB_BUILTIN __nv_bfloat16 __low2bfloat16(__nv_bfloat162 a) { return a.x; }
ATTNLAB_BUILTIN __nv_bfloat16 __high2bfloat16(__nv_bfloat162 a) { return a.y; }
ATTNLAB_BUILTIN __nv_bfloat162 __low2bfloat162(__nv_bfloat162 a) { return {a.x, a.x}; }
ATTNLAB_BUILTIN __nv_bfloat162 __high2bfloat162(__nv_bfloat162 a) { return {a.y, a.y}; }
ATTNLAB_BUILTIN __nv_bfloat162 __lows2bfloat162(__nv_bfloat162 a, __nv_bfloat162 b) { return {a.x, b.x}; }
ATTNLAB_BUILTIN __nv_bfloat162 __highs2bfloat162(__nv_bfloat162 a, __nv_bfloat162 b) { return {a.y, b.y}; }

ATTNLAB_BUILTIN __nv_bfloat16 attnlab_multiply_add(__nv_bfloat16 a, __nv_bfloat16 b, __nv_bfloat16 c) {
  return __nv_bfloat16_raw{
      calls::half_multiply_add(attnlab_float(a), attnlab_float(b), attnlab_float(c), calls::Half::bf16)};
}

#define ATTNLAB_T2 __nv_bfloat162
#include "half_functions.inc"

}  // namespace attnlab::emulator::builtins

#define CUDART_INF_BF16 (__ushort_as_bfloat16(static_cast<unsigned short>(0x7F80u)))
#define CUDART_NAN_BF16 (__ushort_as_bfloat16(static_cast<unsigned short>(0x7FFFu)))
#define CUDART_MAX_NORMAL_BF16 (__ushort_as_bfloat16(static_cast<unsigned short>(0x7F7Fu)))
#define CUDART_MIN_DENORM_BF16 (__ushort_as_bfloat16(static_cast<unsigned short>(0x0001u)))
#define CUDART_NEG_ZERO_BF16 (__ushort_as_bfloat16(static_cast<unsigned short>(0x8000u)))
#define CUDART_ZERO_BF16 (__ushort_as_bfloat16(static_cast<unsigned short>(0x0000u)))
#define CUDART_ONE_BF16 (__ushort_as_bfloat16(static_cast<unsigned short>(0x3F80u)))
