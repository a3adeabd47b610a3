// make_float4 and the like.
#pragma once

#define __VECTOR_FUNCTIONS_H__

#include "vector_types.h"

namespace attnlab::emulator::builtins {

#define ATTNLAB_MAKE(prefix, T)                                                             \
  ATTNLAB_BUILTIN prefix##1 make_##prefix##1(T x) { return prefix##1 {x}; }                 \
  ATTNLAB_BUILTIN prefix##2 make_##prefix##2(T x, T y) { return prefix##2 {x, y}; }         \
  ATTNLAB_BUILTIN prefix##3 make_##prefix##3(T x, T y, T z) { return prefix##3 {x, y, z}; } \
  ATTNLAB_BUILTIN prefix##4 make_##prefix##4(T x, T y, T z, T w) { return prefix##4 {x, y, z, w}; }

ATTNLAB_MAKE(char, signed char)
ATTNLAB_MAKE(uchar, unsigned char)
ATTNLAB_MAKE(short, short)
ATTNLAB_MAKE(ushort, unsigned short)
ATTNLAB_MAKE(int, int)
ATTNLAB_MAKE(uint, unsigned)
ATTNLAB_MAKE(long, long)
ATTNLAB_MAKE(ulong, unsigned long)
ATTNLAB_MAKE(longlong, long long)
ATTNLAB_MAKE(ulonglong, unsigned long long)
ATTNLAB_MAKE(float, float)
ATTNLAB_MAKE(double, double)
#undef ATTNLAB_MAKE

}  // namespace attnlab::emulator::builtins
