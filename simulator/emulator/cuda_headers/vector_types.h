// CUDA's vector types, and dim3.
//
// A vector of 2 or 4 is copied by one access of its whole size, as the GPU does it: a kernel is compiled with
// -fno-tree-sra, without which g++ would copy the members one by one. Its members share their place with `whole`, so
// that `float4{}` is one access, too. The types are trivial: they may lie in unions, in shared memory, in
// std::bit_cast. They have constructors, since g++ stores an aggregate in braces member by member; a designated
// initialiser is the one form that does not compile. get() is for `auto [x, y] = v`.
#pragma once

#define __VECTOR_TYPES_H__

#include <type_traits>
#include <utility>

#include "host_defines.h"

namespace attnlab::emulator::builtins {

// Name, element, alignment of a pair and of four.
#define ATTNLAB_EACH_VECTOR(DO)             \
  DO(char, signed char, 2, 4)               \
  DO(uchar, unsigned char, 2, 4)            \
  DO(short, short, 4, 8)                    \
  DO(ushort, unsigned short, 4, 8)          \
  DO(int, int, 8, 16)                       \
  DO(uint, unsigned, 8, 16)                 \
  DO(long, long, 16, 16)                    \
  DO(ulong, unsigned long, 16, 16)          \
  DO(longlong, long long, 16, 16)           \
  DO(ulonglong, unsigned long long, 16, 16) \
  DO(float, float, 8, 16)                   \
  DO(double, double, 16, 16)

// The bytes of a vector as the accesses that move it: at most 16 bytes each.
template <unsigned kBytes>
struct VectorBytes {
  using Type = unsigned char __attribute__((vector_size(kBytes)));
};
template <>
struct VectorBytes<32> {
  using Type = VectorBytes<16>::Type[2];
};

#define ATTNLAB_VECTORS(prefix, T, align2, align4)                                          \
  struct prefix##1 {                                                                        \
    T x;                                                                                    \
  };                                                                                        \
  struct alignas(align2) prefix##2 {                                                        \
    union {                                                                                 \
      VectorBytes<2 * sizeof(T)>::Type whole;                                               \
      struct {                                                                              \
        T x, y;                                                                             \
      };                                                                                    \
    };                                                                                      \
    prefix##2() = default;                                                                  \
    constexpr prefix##2(T x_, T y_ = 0) : x(x_), y(y_) {}                                   \
    template <std::size_t kIndex>                                                           \
    constexpr ATTNLAB_BUILTIN T& get() {                                                    \
      return kIndex == 0 ? x : y;                                                           \
    }                                                                                       \
    template <std::size_t kIndex>                                                           \
    constexpr ATTNLAB_BUILTIN const T& get() const {                                        \
      return kIndex == 0 ? x : y;                                                           \
    }                                                                                       \
  };                                                                                        \
  struct prefix##3 {                                                                        \
    T x, y, z;                                                                              \
  };                                                                                        \
  struct alignas(align4) prefix##4 {                                                        \
    union {                                                                                 \
      VectorBytes<4 * sizeof(T)>::Type whole;                                               \
      struct {                                                                              \
        T x, y, z, w;                                                                       \
      };                                                                                    \
    };                                                                                      \
    prefix##4() = default;                                                                  \
    constexpr prefix##4(T x_, T y_ = 0, T z_ = 0, T w_ = 0) : x(x_), y(y_), z(z_), w(w_) {} \
    template <std::size_t kIndex>                                                           \
    constexpr ATTNLAB_BUILTIN T& get() {                                                    \
      return kIndex == 0 ? x : kIndex == 1 ? y : kIndex == 2 ? z : w;                       \
    }                                                                                       \
    template <std::size_t kIndex>                                                           \
    constexpr ATTNLAB_BUILTIN const T& get() const {                                        \
      return kIndex == 0 ? x : kIndex == 1 ? y : kIndex == 2 ? z : w;                       \
    }                                                                                       \
  };

ATTNLAB_EACH_VECTOR(ATTNLAB_VECTORS)
#undef ATTNLAB_VECTORS

// Extents of a grid or a block.
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
  constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
  constexpr operator uint3() const { return uint3{x, y, z}; }
};

}  // namespace attnlab::emulator::builtins

#define ATTNLAB_BINDINGS(prefix, T, align2, align4)                                                         \
  template <>                                                                                               \
  struct std::tuple_size<attnlab::emulator::builtins::prefix##2> : std::integral_constant<std::size_t, 2> { \
  };                                                                                                        \
  template <>                                                                                               \
  struct std::tuple_size<attnlab::emulator::builtins::prefix##4> : std::integral_constant<std::size_t, 4> { \
  };                                                                                                        \
  template <std::size_t kIndex>                                                                             \
  struct std::tuple_element<kIndex, attnlab::emulator::builtins::prefix##2> {                               \
    using type = T;                                                                                         \
  };                                                                                                        \
  template <std::size_t kIndex>                                                                             \
  struct std::tuple_element<kIndex, attnlab::emulator::builtins::prefix##4> {                               \
    using type = T;                                                                                         \
  };
ATTNLAB_EACH_VECTOR(ATTNLAB_BINDINGS)
#undef ATTNLAB_BINDINGS
#undef ATTNLAB_EACH_VECTOR

using namespace attnlab::emulator::builtins;
