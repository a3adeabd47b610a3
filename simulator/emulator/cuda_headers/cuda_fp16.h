// fp16: __half, __half2, their conversions and arithmetic.
//
// Results are those of IEEE binary16, rounded once to nearest, as the GPU's HADD, HMUL and HFMA give them;
// the transcendental functions are fp32's, rounded. A __half is loaded and stored by one access of 2 bytes, a
// __half2 by one of 4.
#pragma once

#define __CUDA_FP16_H__

#include <type_traits>

#include "device_atomic_functions.h"
#include "float_intrinsics.h"
#include "host_defines.h"
#include "math_functions.h"
#include "vector_functions.h"
#include "warp_functions.h"

namespace attnlab::emulator::builtins {

struct __half_raw {
  unsigned short x;
};
struct __half2_raw {
  unsigned short x, y;
};

// The host converts between fp16 and fp32 in one instruction.
ATTNLAB_BUILTIN float attnlab_float_of_half(unsigned short bits) {
#ifdef __F16C__
  typedef short Halves __attribute__((vector_size(16)));
  const Halves halves = {static_cast<short>(bits)};
  return __builtin_ia32_vcvtph2ps(halves)[0];
#else
  return static_cast<float>(calls::value_of(bits, calls::Half::fp16));
#endif
}

// mode: 0 nearest, 1 down, 2 up, 3 to zero. NaN becomes CUDA's, 0x7fff, without a branch.
template <int mode>
ATTNLAB_BUILTIN unsigned short attnlab_half_of_float(float x) {
#ifdef __F16C__
  typedef float Floats __attribute__((vector_size(16)));
  const Floats floats = {x};
  const auto bits = static_cast<unsigned short>(__builtin_ia32_vcvtps2ph(floats, mode)[0]);
  const auto nan = attnlab_flag(x != x) * 0xffffu;
  return static_cast<unsigned short>((bits | nan) & (0xffffu ^ (nan & 0x8000u)));
#else
  constexpr calls::Rounding modes[] = {calls::Rounding::nearest, calls::Rounding::down, calls::Rounding::up,
                                       calls::Rounding::zero};
  return calls::half_of(x, modes[mode], calls::Half::fp16);
#endif
}

struct __half {
  unsigned short attnlab_bits;

  __half() = default;
  constexpr __half(const __half_raw& raw) : attnlab_bits(raw.x) {}
  __attribute__((always_inline)) __half(float x) : attnlab_bits(attnlab_half_of_float<0>(x)) {}
  __attribute__((always_inline)) __half(double x)
      : attnlab_bits(calls::half_of(x, calls::Rounding::nearest, calls::Half::fp16)) {}
  template <class T, std::enable_if_t<std::is_integral_v<T>, int> = 0>
  __attribute__((always_inline)) __half(T x) : attnlab_bits(of_integer(x)) {}

  __attribute__((always_inline)) operator float() const { return attnlab_float_of_half(attnlab_bits); }
  constexpr operator __half_raw() const { return {attnlab_bits}; }

 private:
  template <class T>
  __attribute__((always_inline)) static unsigned short of_integer(T x) {
    if constexpr (sizeof(T) < 8)
      return calls::half_of(x, calls::Rounding::nearest, calls::Half::fp16);
    else if constexpr (std::is_signed_v<T>)
      return calls::half_of_int64(x, calls::Rounding::nearest, calls::Half::fp16);
    else
      return calls::half_of_uint64(x, calls::Rounding::nearest, calls::Half::fp16);
  }
};

struct alignas(4) __half2 {
  __half x, y;

  __half2() = default;
  constexpr __half2(const __half& a, const __half& b) : x(a), y(b) {}
  constexpr __half2(const __half2_raw& raw) : x(__half_raw{raw.x}), y(__half_raw{raw.y}) {}
  constexpr operator __half2_raw() const { return {x.attnlab_bits, y.attnlab_bits}; }
};

using half = __half;
using half2 = __half2;
using __nv_half = __half;
using __nv_half2 = __half2;
using __nv_half_raw = __half_raw;
using __nv_half2_raw = __half2_raw;
using nv_half = __half;
using nv_half2 = __half2;

// x, or NaN where flag is 1.
ATTNLAB_BUILTIN float attnlab_nan_if(unsigned flag, float x) {
  return __builtin_bit_cast(float, __builtin_bit_cast(unsigned, x) | flag * 0x7fffffffu);
}

// --- conversions ------------------------------------------------------------------------------------------
ATTNLAB_BUILTIN __half attnlab_of_bits(unsigned short bits, __half) { return __half_raw{bits}; }
ATTNLAB_BUILTIN float attnlab_float(__half x) { return attnlab_float_of_half(x.attnlab_bits); }
ATTNLAB_BUILTIN __half attnlab_round(float x, __half) { return __half_raw{attnlab_half_of_float<0>(x)}; }

ATTNLAB_BUILTIN float __half2float(__half x) { return attnlab_float(x); }
ATTNLAB_BUILTIN __half __float2half(float x) { return __half_raw{attnlab_half_of_float<0>(x)}; }
ATTNLAB_BUILTIN __half __float2half_rn(float x) { return __half_raw{attnlab_half_of_float<0>(x)}; }
ATTNLAB_BUILTIN __half __float2half_rd(float x) { return __half_raw{attnlab_half_of_float<1>(x)}; }
ATTNLAB_BUILTIN __half __float2half_ru(float x) { return __half_raw{attnlab_half_of_float<2>(x)}; }
ATTNLAB_BUILTIN __half __float2half_rz(float x) { return __half_raw{attnlab_half_of_float<3>(x)}; }
ATTNLAB_BUILTIN __half __double2half(double x) { return __half(x); }

#define ATTNLAB_T __half
#define ATTNLAB_FORMAT calls::Half::fp16
#define ATTNLAB_NAME(before, after) before##half##after
#include "half_conversions.inc"
#undef ATTNLAB_NAME

// --- pairs -----------------------------------------------------------------------------------------------
ATTNLAB_BUILTIN __half2 make_half2(__half x, __half y) { return {x, y}; }
ATTNLAB_BUILTIN __half2 __halves2half2(__half a, __half b) { return {a, b}; }
ATTNLAB_BUILTIN __half2 __half2half2(__half a) { return {a, a}; }
ATTNLAB_BUILTIN __half2 __float2half2_rn(float a) { return {__float2half_rn(a), __float2half_rn(a)}; }
ATTNLAB_BUILTIN __half2 __floats2half2_rn(float a, float b) {
  return {__float2half_rn(a), __float2half_rn(b)};
}
ATTNLAB_BUILTIN __half2 __float22half2_rn(float2 a) { return {__float2half_rn(a.x), __float2half_rn(a.y)}; }
ATTNLAB_BUILTIN float2 __half22float2(__half2 a) { return {attnlab_float(a.x), attnlab_float(a.y)}; }
ATTNLAB_BUILTIN __half __low2half(__half2 a) { return a.x; }
ATTNLAB_BUILTIN __half __high2half(__half2 a) { return a.y; }
ATTNLAB_BUILTIN __half2 __low2half2(__half2 a) { return {a.x, a.x}; }
ATTNLAB_BUILTIN __half2 __high2half2(__half2 a) { return {a.y, a.y}; }
ATTNLAB_BUILTIN __half2 __lows2half2(__half2 a, __half2 b) { return {a.x, b.x}; }
ATTNLAB_BUILTIN __half2 __highs2half2(__half2 a, __half2 b) { return {a.y, b.y}; }

// The product of two numbers is exact in double. The sum is made odd in fp32's last place where that cuts
// something off, so that rounding it to fp16 sees that there was more; twice rounded to nearest would not.
ATTNLAB_BUILTIN __half attnlab_multiply_add(__half a, __half b, __half c) {
  const double sum =
      __builtin_fma(static_cast<double>(attnlab_float(a)), static_cast<double>(attnlab_float(b)),
                    static_cast<double>(attnlab_float(c)));
  constexpr unsigned long long cut = (1ull << 29) - 1;
  const auto bits = __builtin_bit_cast(unsigned long long, sum);
  const unsigned long long odd = (bits & ~cut) | (((bits & cut) + cut) & (cut + 1));
  return __half_raw{attnlab_half_of_float<0>(static_cast<float>(__builtin_bit_cast(double, odd)))};
}

#define ATTNLAB_T2 __half2
#include "half_functions.inc"

}  // namespace attnlab::emulator::builtins

#define CUDART_INF_FP16 (__ushort_as_half(static_cast<unsigned short>(0x7C00u)))
#define CUDART_NAN_FP16 (__ushort_as_half(static_cast<unsigned short>(0x7FFFu)))
#define CUDART_MAX_NORMAL_FP16 (__ushort_as_half(static_cast<unsigned short>(0x7BFFu)))
#define CUDART_MIN_DENORM_FP16 (__ushort_as_half(static_cast<unsigned short>(0x0001u)))
#define CUDART_NEG_ZERO_FP16 (__ushort_as_half(static_cast<unsigned short>(0x8000u)))
#define CUDART_ZERO_FP16 (__ushort_as_half(static_cast<unsigned short>(0x0000u)))
#define CUDART_ONE_FP16 (__ushort_as_half(static_cast<unsigned short>(0x3C00u)))
