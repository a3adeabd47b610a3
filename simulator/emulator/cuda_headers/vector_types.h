// CUDA's vector types, and dim3.
//
// A vector of 2 or 4 is copied by one access of its whole size, as the GPU does it: a kernel is compiled with
// -fno-tree-sra, without which g++ would copy the members one by one. The types are trivial: they may lie in
// unions, in shared memory, in std::bit_cast. They have constructors, since g++ stores an aggregate in braces
// member by member; a designated initialiser is the one form that does not compile.
#pragma once

#define __VECTOR_TYPES_H__

#include "host_defines.h"

namespace attnlab::emulator::builtins {

#define ATTNLAB_VECTORS(prefix, T, align2, align4)                                          \
  struct prefix##1 {                                                                        \
    T x;                                                                                    \
  };                                                                                        \
  struct alignas(align2) prefix##2 {                                                        \
    T x, y;                                                                                 \
    prefix##2() = default;                                                                  \
    constexpr prefix##2(T x_, T y_ = 0) : x(x_), y(y_) {}                                   \
  };                                                                                        \
  struct prefix##3 {                                                                        \
    T x, y, z;                                                                              \
  };                                                                                        \
  struct alignas(align4) prefix##4 {                                                        \
    T x, y, z, w;                                                                           \
    prefix##4() = default;                                                                  \
    constexpr prefix##4(T x_, T y_ = 0, T z_ = 0, T w_ = 0) : x(x_), y(y_), z(z_), w(w_) {} \
  };

ATTNLAB_VECTORS(char, signed char, 2, 4)
ATTNLAB_VECTORS(uchar, unsigned char, 2, 4)
ATTNLAB_VECTORS(short, short, 4, 8)
ATTNLAB_VECTORS(ushort, unsigned short, 4, 8)
ATTNLAB_VECTORS(int, int, 8, 16)
ATTNLAB_VECTORS(uint, unsigned, 8, 16)
ATTNLAB_VECTORS(long, long, 16, 16)
ATTNLAB_VECTORS(ulong, unsigned long, 16, 16)
ATTNLAB_VECTORS(longlong, long long, 16, 16)
ATTNLAB_VECTORS(ulonglong, unsigned long long, 16, 16)
ATTNLAB_VECTORS(float, float, 8, 16)
ATTNLAB_VECTORS(double, double, 16, 16)
#undef ATTNLAB_VECTORS

// Extents of a grid or a block.
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
  constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
  constexpr operator uint3() const { return uint3{x, y, z}; }
};

}  // namespace attnlab::emulator::builtins

using namespace attnlab::emulator::builtins;
