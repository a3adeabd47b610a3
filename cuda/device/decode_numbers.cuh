// The numbers of a cache on their way to a matrix product: 16-bit ones as they are, e4m3 and int8 as fp16, both exact.
#pragma once

#include <cuda_fp8.h>

#include "cuda/device/sm80/matrix.cuh"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

// What the products are taken in: fp16 for 8-bit caches, whatever the queries are.
template <class T, class C>
using Product = std::conditional_t<sizeof(C) == 2, T, __half>;

// Two 8-bit numbers, in the low half of x, as two of fp16.
template <class C>
__device__ __forceinline__ unsigned widened(unsigned x);
template <>
__device__ __forceinline__ unsigned widened<__nv_fp8_e4m3>(unsigned x) {
  const __half2_raw pair =
      __nv_cvt_fp8x2_to_halfraw2(static_cast<__nv_fp8x2_storage_t>(x & 0xffffu), __NV_E4M3);
  return static_cast<unsigned>(pair.x) | static_cast<unsigned>(pair.y) << 16;
}
template <>
__device__ __forceinline__ unsigned widened<signed char>(unsigned x) {
  // 0x6400 is 1024 in fp16, and its last bit is worth 1: a byte below it adds its value. x + 128 is never negative.
  const unsigned biased = __byte_perm(x ^ 0x8080u, 0x64646464u, 0x4140);
  const __half2 numbers = __hsub2(*reinterpret_cast<const __half2*>(&biased), __float2half2_rn(1152.0f));
  return *reinterpret_cast<const unsigned*>(&numbers);
}

// Four numbers of a row of K that follow one another, as two pairs. 16 bits: words 2n and 2n + 1 of the row's; 8: word
// n.
template <class C, int Words>
__device__ __forceinline__ void key_pairs(const unsigned (&words)[Words], int n, unsigned& first,
                                          unsigned& second) {
  if constexpr (sizeof(C) == 2) {
    first = words[2 * n], second = words[2 * n + 1];
  } else {
    first = widened<C>(words[n]), second = widened<C>(words[n] >> 16);
  }
}

// The pair of number e of two rows of V, `a` the low half.
template <class C, int Words>
__device__ __forceinline__ unsigned value_pair(const unsigned (&a)[Words], const unsigned (&b)[Words],
                                               int e) {
  if constexpr (sizeof(C) == 2) {
    return __byte_perm(a[e / 2], b[e / 2], e % 2 == 0 ? 0x5410 : 0x7632);
  } else {
    const unsigned interleaved = __byte_perm(a[e / 4], b[e / 4], e % 4 < 2 ? 0x5140 : 0x7362);
    return widened<C>(e % 2 == 0 ? interleaved : interleaved >> 16);
  }
}

// Whether a number of the word is NaN or an infinity.
template <class C>
__device__ __forceinline__ bool not_finite(unsigned word) {
  if constexpr (std::is_same_v<C, signed char>) return false;
  if constexpr (sizeof(C) == 1) return (((word & 0x7f7f7f7fu) + 0x01010101u) & 0x80808080u) != 0;
  constexpr unsigned kExponent = std::is_same_v<C, __half> ? 0x7c00u : 0x7f80u;
  return (word & kExponent) == kExponent || (word >> 16 & kExponent) == kExponent;
}

// Four numbers of a row of Q.
template <class T>
struct alignas(4 * sizeof(T)) Four {
  T x[4];
};

// The exponent of a row's largest number, as a power of two that brings it to [1, 2): fp16 then holds every number of
// the row that matters. 1 for rows of zeros, NaN or infinities.
__device__ inline float power_of_two_of(float largest) {
  const unsigned exponent = __float_as_uint(largest) >> 23;
  return exponent == 0 || exponent >= 254 ? 1.0f : __uint_as_float(exponent << 23);
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
