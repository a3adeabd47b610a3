// Do the headers work in an ordinary C++ file too, on a host without conversion instructions, and do the
// runtime's conversions round as they say, in every direction, for every 16-bit pattern?
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "reference/core/dtype.h"
#include "simulator/emulator/cuda_headers/cuda_bf16.h"
#include "simulator/emulator/cuda_headers/cuda_fp16.h"
#include "simulator/emulator/cuda_headers/cuda_fp8.h"

namespace attnlab::emulator {
namespace {

using calls::Half;
using calls::Rounding;

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

TEST(Halves, EveryPatternComesBack) {
  for (unsigned i = 0; i < 65536; ++i) {
    const auto bits = static_cast<unsigned short>(i);
    const double half = decode(DType::f16, i), bfloat = decode(DType::bf16, i);
    EXPECT_TRUE(same(__half2float(__ushort_as_half(bits)), half));
    EXPECT_TRUE(same(__bfloat162float(__ushort_as_bfloat16(bits)), bfloat));
    const unsigned short nan = 0x7fff;
    EXPECT_EQ(__half_as_ushort(__float2half_rn(__half2float(__ushort_as_half(bits)))),
              std::isnan(half) ? nan : bits);
    EXPECT_EQ(__bfloat16_as_ushort(__double2bfloat16(bfloat)), std::isnan(bfloat) ? nan : bits);
  }
}

// Between two neighbours: down gives the lower, up the upper, zero the nearer to zero, nearest the nearest.
TEST(Halves, RoundInEveryDirection) {
  for (const auto& [half, type] : {std::pair{Half::fp16, DType::f16}, std::pair{Half::bf16, DType::bf16}})
    for (unsigned i = 0; i + 1 < 0x7f80; ++i) {
      const double low = decode(type, i), high = decode(type, i + 1);
      if (std::isinf(high)) break;
      for (const double part : {1e-9, 0.25, 0.5, 0.75, 1 - 1e-9})
        for (const double sign : {1.0, -1.0}) {
          const double x = sign * (low + (high - low) * part);
          const auto rounded = [&, format = half](Rounding mode) {
            return calls::value_of(calls::half_of(x, mode, format), format);
          };
          const double lower = sign > 0 ? low : -high, upper = sign > 0 ? high : -low;
          ASSERT_EQ(rounded(Rounding::down), lower) << x;
          ASSERT_EQ(rounded(Rounding::up), upper) << x;
          ASSERT_EQ(rounded(Rounding::zero), sign * low) << x;
          ASSERT_EQ(rounded(Rounding::nearest), round_to(type, x)) << x;
        }
    }
}

TEST(Halves, BeyondTheLargest) {
  EXPECT_EQ(calls::half_of(1e30, Rounding::zero, Half::fp16), 0x7bff);
  EXPECT_EQ(calls::half_of(1e30, Rounding::down, Half::fp16), 0x7bff);
  EXPECT_EQ(calls::half_of(1e30, Rounding::up, Half::fp16), 0x7c00);
  EXPECT_EQ(calls::half_of(-1e30, Rounding::up, Half::fp16), 0xfbff);
  EXPECT_EQ(calls::half_of(HUGE_VAL, Rounding::zero, Half::fp16), 0x7c00);
  EXPECT_EQ(calls::half_of(-1e-30, Rounding::down, Half::fp16), 0x8001);
  EXPECT_EQ(calls::half_of(1e-30, Rounding::up, Half::fp16), 0x0001);
}

// 64-bit integers of more digits than a double's, half an ulp of bf16 plus 1: rounding twice would lose
// the 1.
TEST(Halves, LongIntegersRoundOnce) {
  EXPECT_EQ(calls::half_of_int64((1ll << 62) + (1ll << 54) + 1, Rounding::nearest, Half::bf16), 0x5e81);
  EXPECT_EQ(calls::half_of_int64((1ll << 62) + (1ll << 54), Rounding::nearest, Half::bf16), 0x5e80);
  EXPECT_EQ(calls::half_of_int64(-(1ll << 62) - (1ll << 54) - 1, Rounding::nearest, Half::bf16), 0xde81);
  EXPECT_EQ(calls::half_of_uint64(~0ull, Rounding::zero, Half::bf16), 0x5f7f);
  EXPECT_EQ(calls::half_of_int64(std::numeric_limits<long long>::min(), Rounding::nearest, Half::bf16),
            0xdf00);
}

// A tie that only the smallest part of the sum decides.
TEST(Halves, MultiplyAddRoundsOnce) {
  const double tie = 1 + 0x1p-8;  // between two numbers of bf16
  EXPECT_EQ(calls::half_multiply_add(1 + 0x1p-4, 1 + 0x1p-4, -0x1p-3, Half::bf16), 0x3f80);
  EXPECT_EQ(calls::half_multiply_add(tie, 1, 0x1p-100, Half::bf16), 0x3f81);
  EXPECT_EQ(calls::half_multiply_add(tie, 1, -0x1p-100, Half::bf16), 0x3f80);
  EXPECT_EQ(__half_as_ushort(
                __hfma(__float2half(1 + 0x1p-10f), __float2half(1 + 0x1p-10f), __float2half(0x1p-11f))),
            0x3c03);
}

TEST(Integers, SaturateAsTheGpu) {
  const double nan = std::nan("");
  EXPECT_EQ(calls::to_int32(nan, Rounding::nearest), 0);
  EXPECT_EQ(calls::to_int64(nan, Rounding::nearest), std::numeric_limits<long long>::min());
  EXPECT_EQ(calls::to_uint64(-1, Rounding::nearest), 0u);
  EXPECT_EQ(calls::to_int64(0x1p63, Rounding::zero), std::numeric_limits<long long>::max());
  EXPECT_EQ(calls::to_int64(-0x1p63, Rounding::zero), std::numeric_limits<long long>::min());
  EXPECT_EQ(calls::to_uint32(4294967295.5, Rounding::down), 4294967295u);
  EXPECT_EQ(calls::to_int8(-128.5, Rounding::nearest), -128);
  EXPECT_EQ(calls::to_int8(130, Rounding::nearest), 127);
  EXPECT_EQ(calls::to_uint16(65536, Rounding::zero), 65535);
  EXPECT_EQ(calls::to_int32(2.5, Rounding::nearest), 2);
  EXPECT_EQ(calls::to_int32(-2.5, Rounding::up), -2);
}

TEST(Bytes, EveryPatternComesBack) {
  for (unsigned i = 0; i < 256; ++i)
    for (const auto& [format, type] :
         {std::pair{calls::Byte::e4m3, DType::e4m3}, std::pair{calls::Byte::e5m2, DType::e5m2}}) {
      const auto bits = static_cast<std::uint8_t>(i);
      const double value = decode(type, i);
      EXPECT_TRUE(same(calls::value_of(bits, format), value));
      // Infinity saturates, and of the NaNs one remains.
      const unsigned expected = std::isnan(value) ? 0x7f : std::isinf(value) ? (i & 0x80) | 0x7b : i;
      EXPECT_EQ(calls::byte_of(value, true, format), expected);
      EXPECT_EQ(calls::byte_of(value, false, format), std::isnan(value) ? 0x7f : i);
    }
}

}  // namespace
}  // namespace attnlab::emulator
