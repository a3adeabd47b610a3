// Integer and bit intrinsics, and reinterpretations between integers and floats.
//
// Written without branches: a branch would show as control flow of the user's kernel.
#pragma once

#include "host_defines.h"
#include "vector_types.h"

namespace attnlab::emulator::builtins {

ATTNLAB_BUILTIN int __popc(unsigned x) { return __builtin_popcount(x); }
ATTNLAB_BUILTIN int __popcll(unsigned long long x) { return __builtin_popcountll(x); }

// Of 0: 32 or 64. The builtins leave that undefined, so the number is widened by a bit first.
ATTNLAB_BUILTIN int __clz(int x) {
  return __builtin_clzll(static_cast<unsigned long long>(static_cast<unsigned>(x)) << 1 | 1) - 31;
}
ATTNLAB_BUILTIN int __clzll(long long x) {
  const auto bits = static_cast<unsigned long long>(x);
  const auto high = static_cast<unsigned>(bits >> 32), low = static_cast<unsigned>(bits);
  const int high_zeros = __clz(static_cast<int>(high));
  return high_zeros + __clz(static_cast<int>(low)) * (high_zeros >> 5);
}
// The position of the lowest set bit, counted from 1; 0 of 0.
ATTNLAB_BUILTIN int __ffs(int x) { return __builtin_ffs(x); }
ATTNLAB_BUILTIN int __ffsll(long long x) { return __builtin_ffsll(x); }

ATTNLAB_BUILTIN unsigned __brev(unsigned x) {
  x = (x >> 1 & 0x55555555u) | (x & 0x55555555u) << 1;
  x = (x >> 2 & 0x33333333u) | (x & 0x33333333u) << 2;
  x = (x >> 4 & 0x0f0f0f0fu) | (x & 0x0f0f0f0fu) << 4;
  return __builtin_bswap32(x);
}
ATTNLAB_BUILTIN unsigned long long __brevll(unsigned long long x) {
  return static_cast<unsigned long long>(__brev(static_cast<unsigned>(x))) << 32 |
         __brev(static_cast<unsigned>(x >> 32));
}

// Four bytes of the eight of (y, x), each chosen by the low three bits of a nibble of selector.
ATTNLAB_OPAQUE unsigned __byte_perm(unsigned x, unsigned y, unsigned selector) {
  const unsigned long long bytes = static_cast<unsigned long long>(y) << 32 | x;
  unsigned result = 0;
  for (unsigned i = 0; i < 4; ++i)
    result |= (static_cast<unsigned>(bytes >> 8 * (selector >> 4 * i & 7)) & 0xff) << 8 * i;
  return result;
}

// The high (low) 32 bits of hi:lo shifted left (right), by shift mod 32 or, _c, by at most 32.
ATTNLAB_BUILTIN unsigned __funnelshift_l(unsigned lo, unsigned hi, unsigned shift) {
  return static_cast<unsigned>((static_cast<unsigned long long>(hi) << 32 | lo) << (shift & 31) >> 32);
}
ATTNLAB_BUILTIN unsigned __funnelshift_r(unsigned lo, unsigned hi, unsigned shift) {
  return static_cast<unsigned>((static_cast<unsigned long long>(hi) << 32 | lo) >> (shift & 31));
}
ATTNLAB_BUILTIN unsigned __funnelshift_lc(unsigned lo, unsigned hi, unsigned shift) {
  return static_cast<unsigned>(
      (static_cast<unsigned long long>(hi) << 32 | lo) << (shift < 32 ? shift : 32) >> 32);
}
ATTNLAB_BUILTIN unsigned __funnelshift_rc(unsigned lo, unsigned hi, unsigned shift) {
  return static_cast<unsigned>((static_cast<unsigned long long>(hi) << 32 | lo) >> (shift < 32 ? shift : 32));
}

ATTNLAB_BUILTIN int __mul24(int x, int y) {
  const auto low24 = [](int v) {
    return static_cast<long long>(static_cast<int>(static_cast<unsigned>(v) << 8) >> 8);
  };
  return static_cast<int>(low24(x) * low24(y));
}
ATTNLAB_BUILTIN unsigned __umul24(unsigned x, unsigned y) { return (x & 0xffffffu) * (y & 0xffffffu); }
ATTNLAB_BUILTIN int __mulhi(int x, int y) { return static_cast<int>(static_cast<long long>(x) * y >> 32); }
ATTNLAB_BUILTIN unsigned __umulhi(unsigned x, unsigned y) {
  return static_cast<unsigned>(static_cast<unsigned long long>(x) * y >> 32);
}
ATTNLAB_BUILTIN long long __mul64hi(long long x, long long y) {
  return static_cast<long long>(static_cast<__int128>(x) * y >> 64);
}
ATTNLAB_BUILTIN unsigned long long __umul64hi(unsigned long long x, unsigned long long y) {
  return static_cast<unsigned long long>(static_cast<unsigned __int128>(x) * y >> 64);
}

ATTNLAB_BUILTIN int __hadd(int x, int y) { return static_cast<int>((static_cast<long long>(x) + y) >> 1); }
ATTNLAB_BUILTIN int __rhadd(int x, int y) {
  return static_cast<int>((static_cast<long long>(x) + y + 1) >> 1);
}
ATTNLAB_BUILTIN unsigned __uhadd(unsigned x, unsigned y) {
  return static_cast<unsigned>((static_cast<unsigned long long>(x) + y) >> 1);
}
ATTNLAB_BUILTIN unsigned __urhadd(unsigned x, unsigned y) {
  return static_cast<unsigned>((static_cast<unsigned long long>(x) + y + 1) >> 1);
}
ATTNLAB_BUILTIN unsigned __sad(int x, int y, unsigned z) {
  const long long difference = static_cast<long long>(x) - y;
  return z + static_cast<unsigned>(__builtin_llabs(difference));
}
ATTNLAB_BUILTIN unsigned __usad(unsigned x, unsigned y, unsigned z) {
  const long long difference = static_cast<long long>(x) - static_cast<long long>(y);
  return z + static_cast<unsigned>(__builtin_llabs(difference));
}

// Dot products of four bytes (dp4a), or of two 16-bit numbers with the low or high two of four bytes (dp2a),
// added to c.
ATTNLAB_OPAQUE int attnlab_dot_bytes(unsigned a, unsigned b, int c, bool a_signed, bool b_signed) {
  for (unsigned i = 0; i < 4; ++i) {
    const int x = static_cast<int>(a >> 8 * i & 0xff), y = static_cast<int>(b >> 8 * i & 0xff);
    c += (a_signed && x > 127 ? x - 256 : x) * (b_signed && y > 127 ? y - 256 : y);
  }
  return c;
}
ATTNLAB_OPAQUE int attnlab_dot_halfwords(unsigned a, unsigned b, int c, bool is_signed, unsigned first_byte) {
  for (unsigned i = 0; i < 2; ++i) {
    const int x = static_cast<int>(a >> 16 * i & 0xffff),
              y = static_cast<int>(b >> 8 * (i + first_byte) & 0xff);
    c += (is_signed && x > 32767 ? x - 65536 : x) * (is_signed && y > 127 ? y - 256 : y);
  }
  return c;
}
ATTNLAB_BUILTIN int __dp4a(int a, int b, int c) {
  return attnlab_dot_bytes(static_cast<unsigned>(a), static_cast<unsigned>(b), c, true, true);
}
ATTNLAB_BUILTIN unsigned __dp4a(unsigned a, unsigned b, unsigned c) {
  return static_cast<unsigned>(attnlab_dot_bytes(a, b, static_cast<int>(c), false, false));
}
ATTNLAB_BUILTIN int __dp4a(char4 a, char4 b, int c) {
  return __dp4a(__builtin_bit_cast(int, a), __builtin_bit_cast(int, b), c);
}
ATTNLAB_BUILTIN unsigned __dp4a(uchar4 a, uchar4 b, unsigned c) {
  return __dp4a(__builtin_bit_cast(unsigned, a), __builtin_bit_cast(unsigned, b), c);
}
ATTNLAB_BUILTIN int __dp2a_lo(int a, int b, int c) {
  return attnlab_dot_halfwords(static_cast<unsigned>(a), static_cast<unsigned>(b), c, true, 0);
}
ATTNLAB_BUILTIN int __dp2a_hi(int a, int b, int c) {
  return attnlab_dot_halfwords(static_cast<unsigned>(a), static_cast<unsigned>(b), c, true, 2);
}
ATTNLAB_BUILTIN unsigned __dp2a_lo(unsigned a, unsigned b, unsigned c) {
  return static_cast<unsigned>(attnlab_dot_halfwords(a, b, static_cast<int>(c), false, 0));
}
ATTNLAB_BUILTIN unsigned __dp2a_hi(unsigned a, unsigned b, unsigned c) {
  return static_cast<unsigned>(attnlab_dot_halfwords(a, b, static_cast<int>(c), false, 2));
}

ATTNLAB_BUILTIN float __int_as_float(int x) { return __builtin_bit_cast(float, x); }
ATTNLAB_BUILTIN int __float_as_int(float x) { return __builtin_bit_cast(int, x); }
ATTNLAB_BUILTIN float __uint_as_float(unsigned x) { return __builtin_bit_cast(float, x); }
ATTNLAB_BUILTIN unsigned __float_as_uint(float x) { return __builtin_bit_cast(unsigned, x); }
ATTNLAB_BUILTIN double __longlong_as_double(long long x) { return __builtin_bit_cast(double, x); }
ATTNLAB_BUILTIN long long __double_as_longlong(double x) { return __builtin_bit_cast(long long, x); }
ATTNLAB_BUILTIN double __hiloint2double(int high, int low) {
  return __builtin_bit_cast(double, static_cast<unsigned long long>(static_cast<unsigned>(high)) << 32 |
                                        static_cast<unsigned>(low));
}
ATTNLAB_BUILTIN int __double2hiint(double x) {
  return static_cast<int>(__builtin_bit_cast(unsigned long long, x) >> 32);
}
ATTNLAB_BUILTIN int __double2loint(double x) {
  return static_cast<int>(__builtin_bit_cast(unsigned long long, x));
}

}  // namespace attnlab::emulator::builtins
