// Complex numbers as pairs.
#pragma once

#define CU_COMPLEX_H_

#include <cmath>

#include "vector_functions.h"

namespace attnlab::emulator::builtins {

#define ATTNLAB_COMPLEX(C, V, T, f, make)                                                          \
  using C = V;                                                                                     \
  ATTNLAB_BUILTIN C make(T x, T y) { return {x, y}; }                                              \
  ATTNLAB_BUILTIN T cuCreal##f(C a) { return a.x; }                                                \
  ATTNLAB_BUILTIN T cuCimag##f(C a) { return a.y; }                                                \
  ATTNLAB_BUILTIN C cuConj##f(C a) { return {a.x, -a.y}; }                                         \
  ATTNLAB_BUILTIN C cuCadd##f(C a, C b) { return {a.x + b.x, a.y + b.y}; }                         \
  ATTNLAB_BUILTIN C cuCsub##f(C a, C b) { return {a.x - b.x, a.y - b.y}; }                         \
  ATTNLAB_BUILTIN C cuCmul##f(C a, C b) { return {a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x}; } \
  ATTNLAB_BUILTIN C cuCfma##f(C a, C b, C c) { return cuCadd##f(cuCmul##f(a, b), c); }             \
  ATTNLAB_BUILTIN T cuCabs##f(C a) { return std::hypot(a.x, a.y); }                                \
  ATTNLAB_BUILTIN C cuCdiv##f(C a, C b) {                                                          \
    const T size = std::fabs(b.x) + std::fabs(b.y);                                                \
    const C p{a.x / size, a.y / size}, q{b.x / size, b.y / size};                                  \
    const C product = cuCmul##f(p, cuConj##f(q));                                                  \
    const T square = q.x * q.x + q.y * q.y;                                                        \
    return {product.x / square, product.y / square};                                               \
  }
ATTNLAB_COMPLEX(cuFloatComplex, float2, float, f, make_cuFloatComplex)
ATTNLAB_COMPLEX(cuDoubleComplex, double2, double, , make_cuDoubleComplex)
#undef ATTNLAB_COMPLEX
using cuComplex = cuFloatComplex;
ATTNLAB_BUILTIN cuComplex make_cuComplex(float x, float y) { return {x, y}; }

}  // namespace attnlab::emulator::builtins
