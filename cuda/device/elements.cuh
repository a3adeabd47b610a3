// Elements in memory are float, half or bfloat16, in caches also e4m3 or int8; in registers and shared memory they are
// float.
//
// As all files of this folder and all kernels, this one lies in the namespace of the backend it is compiled
// for: a program may hold both, and their functions differ.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>
#include <cuda_runtime.h>

#include "reference/core/dtype.h"

namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND {

template <DType Type>
struct ElementOf;
template <>
struct ElementOf<DType::f32> {
  using type = float;
};
template <>
struct ElementOf<DType::f16> {
  using type = __half;
};
template <>
struct ElementOf<DType::bf16> {
  using type = __nv_bfloat16;
};
template <>
struct ElementOf<DType::e4m3> {
  using type = __nv_fp8_e4m3;
};
template <>
struct ElementOf<DType::i8> {
  using type = signed char;
};
template <DType Type>
using Element = typename ElementOf<Type>::type;

__device__ inline float to_float(float x) { return x; }
__device__ inline float to_float(__half x) { return __half2float(x); }
__device__ inline float to_float(__nv_bfloat16 x) { return __bfloat162float(x); }
__device__ inline float to_float(__nv_fp8_e4m3 x) { return static_cast<float>(x); }
__device__ inline float to_float(signed char x) { return static_cast<float>(x); }

// Rounds to nearest, ties to even.
template <class T>
__device__ inline T from_float(float x);
template <>
__device__ inline float from_float<float>(float x) {
  return x;
}
template <>
__device__ inline __half from_float<__half>(float x) {
  return __float2half_rn(x);
}
template <>
__device__ inline __nv_bfloat16 from_float<__nv_bfloat16>(float x) {
  return __float2bfloat16_rn(x);
}

}  // namespace attnlab::cuda::ATTNLAB_CUDA_BACKEND
