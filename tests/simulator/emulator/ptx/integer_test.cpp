// Do the integer and bit instructions compute what the PTX ISA says, for every width and at the edges?
//
// Each is compared with a formula written from the ISA's own description (often bit by bit), in 128-bit
// arithmetic where it is about overflow.
#include <gtest/gtest.h>

#include "tests/simulator/emulator/ptx/evaluate.h"

namespace attnlab::emulator::ptx {
namespace {

__extension__ using Wide = __int128;

template <class T>
std::string suffix() {
  return (std::is_signed_v<T> ? ".s" : ".u") + std::to_string(8 * sizeof(T));
}
template <class T>
std::string untyped() {
  return ".b" + std::to_string(8 * sizeof(T));
}

template <class T>
class Integers : public testing::Test {};
using Types =
    testing::Types<std::uint16_t, std::int16_t, std::uint32_t, std::int32_t, std::uint64_t, std::int64_t>;
TYPED_TEST_SUITE(Integers, Types);

template <class T, class F>
void expect_binary(const std::string& instruction, F formula) {
  for (const T a : edges<T>()) {
    for (const T b : edges<T>()) {
      ASSERT_EQ(evaluate<T>(instruction, a, b), static_cast<T>(formula(Wide{a}, Wide{b})))
          << instruction << " " << a << ", " << b;
    }
  }
}

TYPED_TEST(Integers, Arithmetic) {
  using T = TypeParam;
  const std::string type = suffix<T>();
  constexpr unsigned width = 8 * sizeof(T);
  expect_binary<T>("add" + type, [](Wide a, Wide b) { return a + b; });
  expect_binary<T>("sub" + type, [](Wide a, Wide b) { return a - b; });
  // The low half of a product needs no more than 64 bits; 128 unsigned ones never overflow.
  __extension__ using Unsigned = unsigned __int128;
  const auto product = [](Wide a, Wide b) { return static_cast<Unsigned>(a) * static_cast<Unsigned>(b); };
  expect_binary<T>("mul.lo" + type, product);
  expect_binary<T>("mul.hi" + type, [&](Wide a, Wide b) {
    return std::is_signed_v<T> ? static_cast<Unsigned>(static_cast<Wide>(product(a, b)) >> width)
                               : product(a, b) >> width;
  });
  expect_binary<T>("min" + type, [](Wide a, Wide b) { return a < b ? a : b; });
  expect_binary<T>("max" + type, [](Wide a, Wide b) { return a > b ? a : b; });
  for (const T a : edges<T>()) {
    for (const T b : edges<T>()) {
      if (b == 0) continue;
      ASSERT_EQ(evaluate<T>("div" + type, a, b), static_cast<T>(Wide{a} / Wide{b})) << +a << " / " << +b;
      ASSERT_EQ(evaluate<T>("rem" + type, a, b), static_cast<T>(Wide{a} % Wide{b})) << +a << " % " << +b;
    }
  }
}

TYPED_TEST(Integers, ProductsWithAnAddend) {
  using T = TypeParam;
  __extension__ using Unsigned = unsigned __int128;
  constexpr unsigned width = 8 * sizeof(T);
  for (const T a : edges<T>()) {
    for (const T b : edges<T>()) {
      for (const T c : {T(0), T(1), static_cast<T>(~T(0)), std::numeric_limits<T>::max(),
                        std::numeric_limits<T>::min()}) {
        const Unsigned product = static_cast<Unsigned>(Wide{a}) * static_cast<Unsigned>(Wide{b});
        const Unsigned high = std::is_signed_v<T> ? static_cast<Unsigned>(static_cast<Wide>(product) >> width)
                                                  : product >> width;
        ASSERT_EQ(evaluate<T>("mad.lo" + suffix<T>(), a, b, c),
                  static_cast<T>(product + static_cast<Unsigned>(Wide{c})));
        ASSERT_EQ(evaluate<T>("mad.hi" + suffix<T>(), a, b, c),
                  static_cast<T>(high + static_cast<Unsigned>(Wide{c})));
        const Wide difference = Wide{a} < Wide{b} ? Wide{b} - Wide{a} : Wide{a} - Wide{b};
        ASSERT_EQ(evaluate<T>("sad" + suffix<T>(), a, b, c), static_cast<T>(difference + c));
      }
    }
  }
}

template <class T, class Twice>
void expect_wide() {
  for (const T a : edges<T>()) {
    for (const T b : edges<T>()) {
      const Wide product = Wide{a} * Wide{b};
      ASSERT_EQ((evaluate<Twice>("mul.wide" + suffix<T>(), a, b)), static_cast<Twice>(product));
      const Twice c = std::numeric_limits<Twice>::max();
      ASSERT_EQ((evaluate<Twice>("mad.wide" + suffix<T>(), a, b, c)), static_cast<Twice>(product + c));
    }
  }
}
TEST(Integer, WideProducts) {
  expect_wide<std::uint16_t, std::uint32_t>();
  expect_wide<std::int16_t, std::int32_t>();
  expect_wide<std::uint32_t, std::uint64_t>();
  expect_wide<std::int32_t, std::int64_t>();
}

TEST(Integer, SaturatingSums) {
  for (const std::int32_t a : edges<std::int32_t>()) {
    for (const std::int32_t b : edges<std::int32_t>()) {
      const auto clamp = [](Wide x) {
        return static_cast<std::int32_t>(std::clamp<Wide>(x, INT32_MIN, INT32_MAX));
      };
      ASSERT_EQ(evaluate<std::int32_t>("add.sat.s32", a, b), clamp(Wide{a} + b));
      ASSERT_EQ(evaluate<std::int32_t>("sub.sat.s32", a, b), clamp(Wide{a} - b));
    }
  }
}

TEST(Integer, Products24) {
  const auto low24 = [](std::int64_t x) { return (x & 0xffffff) - ((x & 0x800000) != 0 ? 0x1000000 : 0); };
  for (const std::int32_t a : edges<std::int32_t>()) {
    for (const std::int32_t b : edges<std::int32_t>()) {
      const std::int64_t product = low24(a) * low24(b);
      ASSERT_EQ(evaluate<std::int32_t>("mul24.lo.s32", a, b), static_cast<std::int32_t>(product));
      ASSERT_EQ(evaluate<std::int32_t>("mul24.hi.s32", a, b), static_cast<std::int32_t>(product >> 16));
      const auto ua = static_cast<std::uint32_t>(a), ub = static_cast<std::uint32_t>(b);
      const std::uint64_t unsigned_product = std::uint64_t{ua & 0xffffff} * (ub & 0xffffff);
      ASSERT_EQ(evaluate<std::uint32_t>("mad24.lo.u32", ua, ub, 5u),
                static_cast<std::uint32_t>(unsigned_product + 5));
    }
  }
}

TEST(Integer, NegationAndMagnitude) {
  for (const std::int32_t a : edges<std::int32_t>()) {
    EXPECT_EQ(evaluate<std::int32_t>("neg.s32", a), static_cast<std::int32_t>(-Wide{a}));
    EXPECT_EQ(evaluate<std::int32_t>("abs.s32", a), static_cast<std::int32_t>(a < 0 ? -Wide{a} : Wide{a}));
  }
  EXPECT_EQ(evaluate<std::int16_t>("neg.s16", std::int16_t{-32768}), -32768);
  EXPECT_EQ(evaluate<std::int64_t>("abs.s64", std::int64_t{-5}), 5);
}

TEST(Integer, DotProductsOfBytes) {
  for (const std::uint32_t a : edges<std::uint32_t>()) {
    for (const std::uint32_t b : edges<std::uint32_t>()) {
      std::int64_t ss = 100, uu = 100, su = 100, low = -9, high = -9;
      for (unsigned i = 0; i < 4; ++i) {
        const auto sa = static_cast<std::int8_t>(a >> (8 * i)), sb = static_cast<std::int8_t>(b >> (8 * i));
        const auto ua = static_cast<std::uint8_t>(sa), ub = static_cast<std::uint8_t>(sb);
        ss += sa * sb, uu += ua * ub, su += sa * ub;
        const auto half = static_cast<std::int16_t>(a >> (16 * (i % 2)));
        (i < 2 ? low : high) += half * sb;
      }
      ASSERT_EQ(evaluate<std::int32_t>("dp4a.s32.s32", a, b, 100), static_cast<std::int32_t>(ss));
      ASSERT_EQ(evaluate<std::int32_t>("dp4a.u32.u32", a, b, 100), static_cast<std::int32_t>(uu));
      ASSERT_EQ(evaluate<std::int32_t>("dp4a.s32.u32", a, b, 100), static_cast<std::int32_t>(su));
      ASSERT_EQ(evaluate<std::int32_t>("dp2a.lo.s32.s32", a, b, -9), static_cast<std::int32_t>(low));
      ASSERT_EQ(evaluate<std::int32_t>("dp2a.hi.s32.s32", a, b, -9), static_cast<std::int32_t>(high));
    }
  }
}

template <class T>
class Words : public testing::Test {};
using Unsigned = testing::Types<std::uint16_t, std::uint32_t, std::uint64_t>;
TYPED_TEST_SUITE(Words, Unsigned);

TYPED_TEST(Words, LogicAndShifts) {
  using T = TypeParam;
  using S = std::make_signed_t<T>;
  constexpr std::uint32_t width = 8 * sizeof(T);
  for (const T a : edges<T>()) {
    for (const T b : edges<T>()) {
      ASSERT_EQ(evaluate<T>("and" + untyped<T>(), a, b), static_cast<T>(a & b));
      ASSERT_EQ(evaluate<T>("or" + untyped<T>(), a, b), static_cast<T>(a | b));
      ASSERT_EQ(evaluate<T>("xor" + untyped<T>(), a, b), static_cast<T>(a ^ b));
    }
    ASSERT_EQ(evaluate<T>("not" + untyped<T>(), a), static_cast<T>(~a));
    ASSERT_EQ(evaluate<T>("cnot" + untyped<T>(), a), T(a == 0 ? 1 : 0));
    for (const std::uint32_t n : {0u, 1u, 5u, width - 1, width, width + 1, 255u, 0x80000000u}) {
      // A bit at a time, so that no shift is too far.
      T left = a, right = a;
      auto arithmetic = static_cast<S>(a);
      for (std::uint32_t i = 0; i < std::min(n, 70u); ++i) {
        left = static_cast<T>(left << 1), right = static_cast<T>(right >> 1);
        arithmetic = static_cast<S>(arithmetic >> 1);
      }
      ASSERT_EQ(evaluate<T>("shl" + untyped<T>(), a, n), left) << a << " << " << n;
      ASSERT_EQ(evaluate<T>("shr" + suffix<T>(), a, n), right) << a << " >> " << n;
      ASSERT_EQ(evaluate<T>("shr" + untyped<T>(), a, n), right);
      ASSERT_EQ(evaluate<S>("shr" + suffix<S>(), static_cast<S>(a), n), arithmetic) << a << " >> " << n;
    }
  }
}

// The ISA's pseudo-code of bfe and bfi, bit by bit; but an H200 restricts positions and lengths to 8 bits in
// the 32-bit forms only.
template <class T>
int restricted(unsigned x) {
  return static_cast<int>(sizeof(T) == 8 ? std::min(x, 1000u) : x & 0xff);
}
template <class T>
T extracted(T a, unsigned position, unsigned length) {
  using U = std::make_unsigned_t<T>;
  const int last = 8 * sizeof(T) - 1, pos = restricted<T>(position), len = restricted<T>(length);
  const auto bit = [&](int i) { return static_cast<U>(static_cast<U>(a) >> i & 1); };
  const U sign = std::is_unsigned_v<T> || len == 0 ? U(0) : bit(std::min(pos + len - 1, last));
  U d = 0;
  for (int i = 0; i <= last; ++i)
    d |= static_cast<U>((i < len && pos + i <= last ? bit(pos + i) : sign) << i);
  return static_cast<T>(d);
}
template <class T>
T inserted(T a, T b, unsigned position, unsigned length) {
  const int last = 8 * sizeof(T) - 1, pos = restricted<T>(position), len = restricted<T>(length);
  for (int i = 0; i < len && pos + i <= last; ++i) {
    b &= ~(T(1) << (pos + i));
    b |= (a >> i & 1) << (pos + i);
  }
  return b;
}
template <class T>
void expect_fields() {
  for (const T a : edges<T>()) {
    for (const unsigned position : {0u, 1u, 7u, 31u, 32u, 40u, 63u, 64u, 255u, 256u}) {
      for (const unsigned length : {0u, 1u, 8u, 24u, 31u, 32u, 33u, 63u, 64u, 255u, 257u}) {
        ASSERT_EQ(evaluate<T>("bfe" + suffix<T>(), a, position, length), extracted(a, position, length))
            << suffix<T>() << " " << a << " " << position << " " << length;
        using U = std::make_unsigned_t<T>;
        const auto ua = static_cast<U>(a), into = static_cast<U>(0x5a5a5a5a5a5a5a5aull);
        ASSERT_EQ(evaluate<U>("bfi" + untyped<T>(), ua, into, position, length),
                  inserted(ua, into, position, length))
            << a << " " << position << " " << length;
      }
    }
  }
}
TEST(Bits, Fields) {
  expect_fields<std::uint32_t>();
  expect_fields<std::int32_t>();
  expect_fields<std::uint64_t>();
  expect_fields<std::int64_t>();
}

template <class T>
void expect_counts() {
  constexpr unsigned width = 8 * sizeof(T);
  for (const T a : edges<T>()) {
    unsigned ones = 0, zeros = 0;
    T reversed = 0;
    for (unsigned i = 0; i < width; ++i) {
      ones += static_cast<unsigned>(a >> i & 1);
      reversed = static_cast<T>(reversed | (a >> i & 1) << (width - 1 - i));
    }
    while (zeros < width && (a >> (width - 1 - zeros) & 1) == 0) ++zeros;
    ASSERT_EQ(evaluate<std::uint32_t>("popc" + untyped<T>(), a), ones);
    ASSERT_EQ(evaluate<std::uint32_t>("clz" + untyped<T>(), a), zeros);
    ASSERT_EQ(evaluate<T>("brev" + untyped<T>(), a), reversed);
    const std::uint32_t highest = zeros == width ? 0xffffffffu : width - 1 - zeros;
    ASSERT_EQ(evaluate<std::uint32_t>("bfind" + suffix<T>(), a), highest);
    ASSERT_EQ(evaluate<std::uint32_t>("bfind.shiftamt" + suffix<T>(), a),
              zeros == width ? 0xffffffffu : zeros);
  }
}
TEST(Bits, CountsAndPositions) {
  expect_counts<std::uint32_t>();
  expect_counts<std::uint64_t>();
  EXPECT_EQ(evaluate<std::uint32_t>("bfind.s32", -1), 0xffffffffu);
  EXPECT_EQ(evaluate<std::uint32_t>("bfind.s32", -256),
            7u);  // ...11110000'0000: the first 1 of its complement
  EXPECT_EQ(evaluate<std::uint32_t>("bfind.shiftamt.s64", std::int64_t{-256}), 56u);
}

TEST(Bits, FunnelShifts) {
  for (const std::uint32_t a : edges<std::uint32_t>()) {
    for (const std::uint32_t n : {0u, 1u, 13u, 31u, 32u, 33u, 64u, 100u}) {
      const std::uint32_t b = 0x89abcdefu;
      const auto left = [&](std::uint32_t k) { return k == 0 ? b : k == 32 ? a : b << k | a >> (32 - k); };
      const auto right = [&](std::uint32_t k) { return k == 0 ? a : k == 32 ? b : b << (32 - k) | a >> k; };
      ASSERT_EQ(evaluate<std::uint32_t>("shf.l.wrap.b32", a, b, n), left(n % 32));
      ASSERT_EQ(evaluate<std::uint32_t>("shf.l.clamp.b32", a, b, n), left(std::min(n, 32u)));
      ASSERT_EQ(evaluate<std::uint32_t>("shf.r.wrap.b32", a, b, n), right(n % 32));
      ASSERT_EQ(evaluate<std::uint32_t>("shf.r.clamp.b32", a, b, n), right(std::min(n, 32u)));
    }
  }
}

TEST(Bits, Permutations) {
  const std::uint32_t a = 0x44332211u, b = 0x887766f5u;  // bytes 0 to 7: 11 22 33 44 f5 66 77 88
  const std::pair<std::uint32_t, std::uint32_t> generic[] = {{0x3210u, 0x44332211u},
                                                             {0x7654u, 0x887766f5u},
                                                             {0x0123u, 0x11223344u},
                                                             {0x0c84u, 0x11ff00f5u},
                                                             {0xfedcu, 0xff0000ffu}};
  for (const auto& [selector, expected] : generic)
    EXPECT_EQ(evaluate<std::uint32_t>("prmt.b32", a, b, selector), expected) << std::hex << selector;
  // The ISA's tables, each row from the most significant byte down.
  const struct {
    const char* mode;
    std::uint32_t rows[4];
  } tables[] = {{"f4e", {0x3210, 0x4321, 0x5432, 0x6543}}, {"b4e", {0x5670, 0x6701, 0x7012, 0x0123}},
                {"rc8", {0x0000, 0x1111, 0x2222, 0x3333}}, {"ecl", {0x3210, 0x3211, 0x3222, 0x3333}},
                {"ecr", {0x0000, 0x1110, 0x2210, 0x3210}}, {"rc16", {0x1010, 0x3232, 0x1010, 0x3232}}};
  for (const auto& table : tables) {
    for (std::uint32_t i = 0; i < 4; ++i) {
      EXPECT_EQ(evaluate<std::uint32_t>(std::string("prmt.b32.") + table.mode, a, b, i),
                evaluate<std::uint32_t>("prmt.b32", a, b, table.rows[i]))
          << table.mode << " " << i;
    }
  }
}

TEST(Bits, TruthTables) {
  const std::uint32_t x = 0xf0f0aa12u, y = 0x3333cc34u, z = 0x5555f056u;
  const auto lop3 = [&](std::uint32_t table) {
    std::uint32_t d = 0;
    run_text("lop3.b32 %0, %1, %2, %3, %4;", out("=r", d), in("r", x), in("r", y), in("r", z),
             in("n", table));
    return d;
  };
  EXPECT_EQ(lop3(0xf0 & 0xcc & 0xaa), x & y & z);
  EXPECT_EQ(lop3(0xf0 | 0xcc | 0xaa), x | y | z);
  EXPECT_EQ(lop3(0xf0 ^ 0xcc ^ 0xaa), x ^ y ^ z);
  EXPECT_EQ(lop3((0xf0 & 0xcc) | (~0xf0 & 0xaa & 0xff)), (x & y) | (~x & z));
  EXPECT_EQ(lop3(0x00), 0u);
  EXPECT_EQ(lop3(0xff), ~0u);
}

}  // namespace
}  // namespace attnlab::emulator::ptx
