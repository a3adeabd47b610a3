// Does the roofline charge each unit at its own rate, and let the slowest decide?
#include "simulator/device/roofline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "reference/core/errors.h"

namespace {

using attnlab::InvalidArgument;
using namespace attnlab::device;
using testing::AllOf;
using testing::HasSubstr;

// Rates of powers of two, so that every expected time is exact.
Device machine() {
  Device device;
  device.name = "toy";
  device.hbm_bandwidth = 1024;
  device.exp_rate = 16;
  device.tensor_flops = {{Arithmetic::fp16, 4096}, {Arithmetic::fp8, 8192}};
  device.vector_flops = {{Arithmetic::fp32, 256}};
  return device;
}

TEST(Roofline, ChargesEachUnitAtItsRate) {
  Work work;
  work.hbm_bytes = 2048;
  work.matmul_flops = {{Arithmetic::fp16, 4096}, {Arithmetic::fp8, 4096}};
  work.exp = 4;
  work.other_flops = 64;
  const Roofline time = roofline(machine(), work);
  EXPECT_EQ(time.memory_s, 2.0);
  EXPECT_EQ(time.tensor_s, 1.5);
  EXPECT_EQ(time.exp_s, 0.25);
  EXPECT_EQ(time.vector_s, 0.25);
  EXPECT_EQ(time.seconds(), 2.0);
  EXPECT_EQ(time.bound(), Bound::memory);
}

TEST(Roofline, TheSlowestUnitIsTheBound) {
  Work work;
  work.hbm_bytes = 1;
  EXPECT_EQ(roofline(machine(), work).bound(), Bound::memory);
  work.matmul_flops[Arithmetic::fp16] = 1e6;
  EXPECT_EQ(roofline(machine(), work).bound(), Bound::tensor);
  work.exp = 1e6;
  EXPECT_EQ(roofline(machine(), work).bound(), Bound::exp);
  work.other_flops = 1e9;
  EXPECT_EQ(roofline(machine(), work).bound(), Bound::vector);
  EXPECT_EQ(name(Bound::memory), "memory");
  EXPECT_EQ(name(Bound::vector), "vector");
}

TEST(Roofline, Fp32MatmulSharesTheOrdinaryCores) {
  Work work;
  work.matmul_flops = {{Arithmetic::fp32, 512}};
  work.other_flops = 256;
  const Roofline time = roofline(machine(), work);
  EXPECT_EQ(time.vector_s, 3.0);
  EXPECT_EQ(time.tensor_s, 0.0);
}

// FlashAttention-3, section 3.1: at head dimension 128 an H100 does 512 times more matmul FLOPs than
// exponentials, at 256 times the rate, so that exponentials take half as long as the matmuls.
TEST(Roofline, ExponentialsTakeHalfOfTheMatmulTimeAtHeadDim128) {
  const double scores = 8192.0 * 8192.0;
  Work work;
  work.matmul_flops[Arithmetic::fp16] = 4 * scores * 128;
  work.exp = scores;
  const Roofline time = roofline(load("h100-sxm"), work);
  EXPECT_NEAR(time.exp_s / time.tensor_s, 0.5, 0.01);
  EXPECT_EQ(time.bound(), Bound::tensor);
}

TEST(Roofline, NoWorkTakesNoTime) { EXPECT_EQ(roofline(machine(), {}).seconds(), 0); }

TEST(Roofline, RefusesWhatItCannotCharge) {
  Work unknown;
  unknown.matmul_flops = {{Arithmetic::fp64, 1}};
  try {
    roofline(machine(), unknown);
    FAIL() << "accepted";
  } catch (const InvalidArgument& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("matmul_flops"), HasSubstr("fp64"), HasSubstr("toy")));
  }
  for (const double amount : {-1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    Work work;
    work.hbm_bytes = amount;
    EXPECT_THROW(roofline(machine(), work), InvalidArgument);
    work = {};
    work.exp = amount;
    EXPECT_THROW(roofline(machine(), work), InvalidArgument);
    work = {};
    work.other_flops = amount;
    EXPECT_THROW(roofline(machine(), work), InvalidArgument);
    work = {};
    work.matmul_flops[Arithmetic::fp16] = amount;
    EXPECT_THROW(roofline(machine(), work), InvalidArgument);
  }
}

TEST(Arithmetic, FollowsFromTheStorageType) {
  using attnlab::DType;
  EXPECT_EQ(arithmetic_of(DType::f32), Arithmetic::fp32);
  EXPECT_EQ(arithmetic_of(DType::bf16), Arithmetic::bf16);
  EXPECT_EQ(arithmetic_of(DType::e5m2), Arithmetic::fp8);
  EXPECT_THROW(arithmetic_of(DType::i64), InvalidArgument);
}

}  // namespace
