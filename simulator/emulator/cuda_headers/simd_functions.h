// Arithmetic on the 2 halfwords or 4 bytes of a word (__vadd4 and its kin), and three-operand extremes.
//
// s is signed, u unsigned, ss and us saturate. cmp gives all bits or none of a part, set gives 1 or 0.
#pragma once

#include "host_defines.h"
#include "integer_functions.h"
#include "math_functions.h"

namespace attnlab::emulator::builtins {

// Part i of a word of parts of `bits` bits.
ATTNLAB_BUILTIN int attnlab_part(unsigned word, int bits, int i, bool is_signed) {
  const unsigned shifted = word << (32 - bits * (i + 1));
  return is_signed ? static_cast<int>(shifted) >> (32 - bits) : static_cast<int>(shifted >> (32 - bits));
}
ATTNLAB_BUILTIN unsigned attnlab_placed(int value, int bits, int i) {
  return (static_cast<unsigned>(value) & (0xffffffffu >> (32 - bits))) << bits * i;
}
ATTNLAB_BUILTIN int attnlab_clamped(int value, int low, int high) {
  return value < low ? low : value > high ? high : value;
}

// name2 and name4 of two words, by an expression in the parts x and y.
#define ATTNLAB_PARTS(name, n, is_signed, value)                                                  \
  ATTNLAB_OPAQUE unsigned name##n(unsigned a, unsigned b) {                                       \
    constexpr int bits = 32 / n;                                                                  \
    [[maybe_unused]] constexpr int smallest = -(1 << (bits - 1)), largest = -smallest - 1,        \
                                   most = (1 << bits) - 1;                                        \
    unsigned result = 0;                                                                          \
    for (int i = 0; i < n; ++i) {                                                                 \
      const int x = attnlab_part(a, bits, i, is_signed), y = attnlab_part(b, bits, i, is_signed); \
      result |= attnlab_placed(value, bits, i);                                                   \
    }                                                                                             \
    return result;                                                                                \
  }
#define ATTNLAB_WORDS(name, is_signed, value) \
  ATTNLAB_PARTS(name, 2, is_signed, value)    \
  ATTNLAB_PARTS(name, 4, is_signed, value)

ATTNLAB_WORDS(__vadd, true, x + y)
ATTNLAB_WORDS(__vsub, true, x - y)
ATTNLAB_WORDS(__vaddss, true, attnlab_clamped(x + y, smallest, largest))
ATTNLAB_WORDS(__vsubss, true, attnlab_clamped(x - y, smallest, largest))
ATTNLAB_WORDS(__vaddus, false, attnlab_clamped(x + y, 0, most))
ATTNLAB_WORDS(__vsubus, false, attnlab_clamped(x - y, 0, most))
ATTNLAB_WORDS(__vavgs, true, (x + y + (x + y >= 0 ? 1 : 0)) >> 1)
ATTNLAB_WORDS(__vavgu, false, (x + y + 1) >> 1)
ATTNLAB_WORDS(__vhaddu, false, (x + y) >> 1)
ATTNLAB_WORDS(__vmaxs, true, x > y ? x : y)
ATTNLAB_WORDS(__vmaxu, false, x > y ? x : y)
ATTNLAB_WORDS(__vmins, true, x < y ? x : y)
ATTNLAB_WORDS(__vminu, false, x < y ? x : y)
ATTNLAB_WORDS(__vabsdiffs, true, x > y ? x - y : y - x)
ATTNLAB_WORDS(__vabsdiffu, false, x > y ? x - y : y - x)
#define ATTNLAB_RELATIONS(suffix, is_signed, condition)          \
  ATTNLAB_WORDS(__vcmp##suffix, is_signed, (condition) ? -1 : 0) \
  ATTNLAB_WORDS(__vset##suffix, is_signed, (condition) ? 1 : 0)
ATTNLAB_RELATIONS(eq, true, x == y)
ATTNLAB_RELATIONS(ne, true, x != y)
ATTNLAB_RELATIONS(ges, true, x >= y)
ATTNLAB_RELATIONS(geu, false, x >= y)
ATTNLAB_RELATIONS(gts, true, x > y)
ATTNLAB_RELATIONS(gtu, false, x > y)
ATTNLAB_RELATIONS(les, true, x <= y)
ATTNLAB_RELATIONS(leu, false, x <= y)
ATTNLAB_RELATIONS(lts, true, x < y)
ATTNLAB_RELATIONS(ltu, false, x < y)
#undef ATTNLAB_RELATIONS
#undef ATTNLAB_WORDS
#undef ATTNLAB_PARTS

// Of one word; ss: the smallest number has the largest as its absolute value and negative.
#define ATTNLAB_OF_ONE(n)                                                         \
  ATTNLAB_BUILTIN unsigned __vneg##n(unsigned a) { return __vsub##n(0, a); }      \
  ATTNLAB_BUILTIN unsigned __vnegss##n(unsigned a) { return __vsubss##n(0, a); }  \
  ATTNLAB_BUILTIN unsigned __vabs##n(unsigned a) { return __vabsdiffs##n(a, 0); } \
  ATTNLAB_BUILTIN unsigned __vabsss##n(unsigned a) { return __vmaxs##n(a, __vsubss##n(0, a)); }
ATTNLAB_OF_ONE(2)
ATTNLAB_OF_ONE(4)
#undef ATTNLAB_OF_ONE

// Sums of absolute differences.
ATTNLAB_OPAQUE unsigned attnlab_sum_of_parts(unsigned word, int bits) {
  unsigned sum = 0;
  for (int i = 0; i < 32 / bits; ++i) sum += static_cast<unsigned>(attnlab_part(word, bits, i, false));
  return sum;
}
ATTNLAB_BUILTIN unsigned __vsads2(unsigned a, unsigned b) {
  return attnlab_sum_of_parts(__vabsdiffs2(a, b), 16);
}
ATTNLAB_BUILTIN unsigned __vsads4(unsigned a, unsigned b) {
  return attnlab_sum_of_parts(__vabsdiffs4(a, b), 8);
}
ATTNLAB_BUILTIN unsigned __vsadu2(unsigned a, unsigned b) {
  return attnlab_sum_of_parts(__vabsdiffu2(a, b), 16);
}
ATTNLAB_BUILTIN unsigned __vsadu4(unsigned a, unsigned b) {
  return attnlab_sum_of_parts(__vabsdiffu4(a, b), 8);
}

// The largest and smallest of three, and with a sum.
#define ATTNLAB_THREE(T, suffix)                                                        \
  ATTNLAB_BUILTIN T __vimax3_##suffix(T a, T b, T c) { return max(max(a, b), c); }      \
  ATTNLAB_BUILTIN T __vimin3_##suffix(T a, T b, T c) { return min(min(a, b), c); }      \
  ATTNLAB_BUILTIN T __viaddmax_##suffix(T a, T b, T c) {                                \
    return max(static_cast<T>(static_cast<unsigned>(a) + static_cast<unsigned>(b)), c); \
  }                                                                                     \
  ATTNLAB_BUILTIN T __viaddmin_##suffix(T a, T b, T c) {                                \
    return min(static_cast<T>(static_cast<unsigned>(a) + static_cast<unsigned>(b)), c); \
  }
ATTNLAB_THREE(int, s32)
ATTNLAB_THREE(unsigned, u32)
#undef ATTNLAB_THREE
ATTNLAB_BUILTIN int __vimax_s32_relu(int a, int b) { return max(max(a, b), 0); }
ATTNLAB_BUILTIN int __vimin_s32_relu(int a, int b) { return max(min(a, b), 0); }

}  // namespace attnlab::emulator::builtins
