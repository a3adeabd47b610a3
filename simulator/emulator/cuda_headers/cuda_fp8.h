// fp8: __nv_fp8_e4m3 and __nv_fp8_e5m2, their pairs and fours, and conversions.
//
// Conversions round once, to nearest even, from any type. __NV_SATFINITE, which the constructors use, gives
// the largest number for what lies beyond it (infinities too); __NV_NOSAT gives NaN in E4M3 and infinity in
// E5M2. fp8 has no arithmetic of its own.
#pragma once

#define __CUDA_FP8_H__

#include <type_traits>

#include "cuda_bf16.h"
#include "cuda_fp16.h"

namespace attnlab::emulator::builtins {

using __nv_fp8_storage_t = unsigned char;
using __nv_fp8x2_storage_t = unsigned short;
using __nv_fp8x4_storage_t = unsigned;

enum __nv_saturation_t { __NV_NOSAT, __NV_SATFINITE };
enum __nv_fp8_interpretation_t { __NV_E4M3, __NV_E5M2 };

// --- conversions -----------------------------------------------------------------------------------------
ATTNLAB_BUILTIN __nv_fp8_storage_t __nv_cvt_double_to_fp8(double x, __nv_saturation_t saturation,
                                                          __nv_fp8_interpretation_t kind) {
  return calls::byte_of(x, saturation == __NV_SATFINITE,
                        kind == __NV_E4M3 ? calls::Byte::e4m3 : calls::Byte::e5m2);
}
ATTNLAB_BUILTIN __nv_fp8_storage_t __nv_cvt_float_to_fp8(float x, __nv_saturation_t saturation,
                                                         __nv_fp8_interpretation_t kind) {
  return __nv_cvt_double_to_fp8(x, saturation, kind);
}
ATTNLAB_BUILTIN __nv_fp8_storage_t __nv_cvt_halfraw_to_fp8(__half_raw x, __nv_saturation_t saturation,
                                                           __nv_fp8_interpretation_t kind) {
  return __nv_cvt_double_to_fp8(__half2float(x), saturation, kind);
}
ATTNLAB_BUILTIN __nv_fp8_storage_t __nv_cvt_bfloat16raw_to_fp8(__nv_bfloat16_raw x,
                                                               __nv_saturation_t saturation,
                                                               __nv_fp8_interpretation_t kind) {
  return __nv_cvt_double_to_fp8(__bfloat162float(x), saturation, kind);
}

// The first number is the low byte.
#define ATTNLAB_PAIR(name, of_one, T)                                                                      \
  ATTNLAB_BUILTIN __nv_fp8x2_storage_t name(T v, __nv_saturation_t saturation,                             \
                                            __nv_fp8_interpretation_t kind) {                              \
    return static_cast<__nv_fp8x2_storage_t>(of_one(v.x, saturation, kind) | of_one(v.y, saturation, kind) \
                                                                                 << 8);                    \
  }
ATTNLAB_PAIR(__nv_cvt_double2_to_fp8x2, __nv_cvt_double_to_fp8, double2)
ATTNLAB_PAIR(__nv_cvt_float2_to_fp8x2, __nv_cvt_float_to_fp8, float2)
#undef ATTNLAB_PAIR
ATTNLAB_BUILTIN __nv_fp8x2_storage_t __nv_cvt_halfraw2_to_fp8x2(__half2_raw v, __nv_saturation_t saturation,
                                                                __nv_fp8_interpretation_t kind) {
  return static_cast<__nv_fp8x2_storage_t>(__nv_cvt_halfraw_to_fp8(__half_raw{v.x}, saturation, kind) |
                                           __nv_cvt_halfraw_to_fp8(__half_raw{v.y}, saturation, kind) << 8);
}
ATTNLAB_BUILTIN __nv_fp8x2_storage_t __nv_cvt_bfloat16raw2_to_fp8x2(__nv_bfloat162_raw v,
                                                                    __nv_saturation_t saturation,
                                                                    __nv_fp8_interpretation_t kind) {
  return static_cast<__nv_fp8x2_storage_t>(
      __nv_cvt_bfloat16raw_to_fp8(__nv_bfloat16_raw{v.x}, saturation, kind) |
      __nv_cvt_bfloat16raw_to_fp8(__nv_bfloat16_raw{v.y}, saturation, kind) << 8);
}

ATTNLAB_BUILTIN float attnlab_float_of_fp8(__nv_fp8_storage_t x, __nv_fp8_interpretation_t kind) {
  return static_cast<float>(calls::value_of(x, kind == __NV_E4M3 ? calls::Byte::e4m3 : calls::Byte::e5m2));
}
ATTNLAB_BUILTIN __half_raw __nv_cvt_fp8_to_halfraw(__nv_fp8_storage_t x, __nv_fp8_interpretation_t kind) {
  return __float2half_rn(attnlab_float_of_fp8(x, kind));
}
ATTNLAB_BUILTIN __half2_raw __nv_cvt_fp8x2_to_halfraw2(__nv_fp8x2_storage_t x,
                                                       __nv_fp8_interpretation_t kind) {
  return {__nv_cvt_fp8_to_halfraw(static_cast<__nv_fp8_storage_t>(x), kind).x,
          __nv_cvt_fp8_to_halfraw(static_cast<__nv_fp8_storage_t>(x >> 8), kind).x};
}

// --- types -----------------------------------------------------------------------------------------------
template <__nv_fp8_interpretation_t kind>
struct attnlab_fp8 {
  __nv_fp8_storage_t __x;

  attnlab_fp8() = default;
  template <class T, ::std::enable_if_t<::std::is_arithmetic_v<T>, int> = 0>
  ATTNLAB_BUILTIN explicit attnlab_fp8(T x)
      : __x(__nv_cvt_double_to_fp8(static_cast<double>(x), __NV_SATFINITE, kind)) {}
  ATTNLAB_BUILTIN explicit attnlab_fp8(__half x) : __x(__nv_cvt_halfraw_to_fp8(x, __NV_SATFINITE, kind)) {}
  ATTNLAB_BUILTIN explicit attnlab_fp8(__nv_bfloat16 x)
      : __x(__nv_cvt_bfloat16raw_to_fp8(x, __NV_SATFINITE, kind)) {}

  ATTNLAB_BUILTIN explicit operator float() const { return attnlab_float_of_fp8(__x, kind); }
  ATTNLAB_BUILTIN explicit operator double() const {
    return static_cast<double>(attnlab_float_of_fp8(__x, kind));
  }
  ATTNLAB_BUILTIN explicit operator __half() const { return __half(__nv_cvt_fp8_to_halfraw(__x, kind)); }
  ATTNLAB_BUILTIN explicit operator __nv_bfloat16() const {
    return __float2bfloat16_rn(attnlab_float_of_fp8(__x, kind));
  }
  ATTNLAB_BUILTIN explicit operator bool() const { return attnlab_float_of_fp8(__x, kind) != 0; }
  ATTNLAB_BUILTIN explicit operator int() const { return __float2int_rz(attnlab_float_of_fp8(__x, kind)); }
  ATTNLAB_BUILTIN explicit operator unsigned() const {
    return __float2uint_rz(attnlab_float_of_fp8(__x, kind));
  }
};

template <__nv_fp8_interpretation_t kind>
struct attnlab_fp8x2 {
  __nv_fp8x2_storage_t __x;

  attnlab_fp8x2() = default;
  ATTNLAB_BUILTIN explicit attnlab_fp8x2(float2 v) : __x(__nv_cvt_float2_to_fp8x2(v, __NV_SATFINITE, kind)) {}
  ATTNLAB_BUILTIN explicit attnlab_fp8x2(double2 v)
      : __x(__nv_cvt_double2_to_fp8x2(v, __NV_SATFINITE, kind)) {}
  ATTNLAB_BUILTIN explicit attnlab_fp8x2(__half2 v)
      : __x(__nv_cvt_halfraw2_to_fp8x2(v, __NV_SATFINITE, kind)) {}
  ATTNLAB_BUILTIN explicit attnlab_fp8x2(__nv_bfloat162 v)
      : __x(__nv_cvt_bfloat16raw2_to_fp8x2(v, __NV_SATFINITE, kind)) {}

  ATTNLAB_BUILTIN explicit operator __half2() const { return __half2(__nv_cvt_fp8x2_to_halfraw2(__x, kind)); }
  ATTNLAB_BUILTIN explicit operator float2() const {
    return {attnlab_float_of_fp8(static_cast<__nv_fp8_storage_t>(__x), kind),
            attnlab_float_of_fp8(static_cast<__nv_fp8_storage_t>(__x >> 8), kind)};
  }
};

template <__nv_fp8_interpretation_t kind>
struct attnlab_fp8x4 {
  __nv_fp8x4_storage_t __x;

  attnlab_fp8x4() = default;
  ATTNLAB_BUILTIN explicit attnlab_fp8x4(float4 v)
      : __x(of_pairs(__nv_cvt_float2_to_fp8x2({v.x, v.y}, __NV_SATFINITE, kind),
                     __nv_cvt_float2_to_fp8x2({v.z, v.w}, __NV_SATFINITE, kind))) {}
  ATTNLAB_BUILTIN explicit attnlab_fp8x4(double4 v)
      : __x(of_pairs(__nv_cvt_double2_to_fp8x2({v.x, v.y}, __NV_SATFINITE, kind),
                     __nv_cvt_double2_to_fp8x2({v.z, v.w}, __NV_SATFINITE, kind))) {}
  ATTNLAB_BUILTIN explicit attnlab_fp8x4(__half2 low, __half2 high)
      : __x(of_pairs(__nv_cvt_halfraw2_to_fp8x2(low, __NV_SATFINITE, kind),
                     __nv_cvt_halfraw2_to_fp8x2(high, __NV_SATFINITE, kind))) {}
  ATTNLAB_BUILTIN explicit attnlab_fp8x4(__nv_bfloat162 low, __nv_bfloat162 high)
      : __x(of_pairs(__nv_cvt_bfloat16raw2_to_fp8x2(low, __NV_SATFINITE, kind),
                     __nv_cvt_bfloat16raw2_to_fp8x2(high, __NV_SATFINITE, kind))) {}

  ATTNLAB_BUILTIN explicit operator float4() const { return {at(0), at(8), at(16), at(24)}; }

 private:
  ATTNLAB_BUILTIN static __nv_fp8x4_storage_t of_pairs(unsigned low, unsigned high) {
    return low | high << 16;
  }
  ATTNLAB_BUILTIN float at(int bit) const {
    return attnlab_float_of_fp8(static_cast<__nv_fp8_storage_t>(__x >> bit), kind);
  }
};

using __nv_fp8_e4m3 = attnlab_fp8<__NV_E4M3>;
using __nv_fp8_e5m2 = attnlab_fp8<__NV_E5M2>;
using __nv_fp8x2_e4m3 = attnlab_fp8x2<__NV_E4M3>;
using __nv_fp8x2_e5m2 = attnlab_fp8x2<__NV_E5M2>;
using __nv_fp8x4_e4m3 = attnlab_fp8x4<__NV_E4M3>;
using __nv_fp8x4_e5m2 = attnlab_fp8x4<__NV_E5M2>;

}  // namespace attnlab::emulator::builtins
