// Do a tensor's bytes stand for the numbers put into it, rounded once, in every type?
#include "files/tensor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "reference/core/errors.h"
#include "tests/files/refusal.h"

namespace attnlab::files {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

constexpr DType kIntegers[] = {DType::i64, DType::i32, DType::i16, DType::i8,
                               DType::u64, DType::u32, DType::u16, DType::u8};
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Tensor tensor(std::vector<double> values, DType type) {
  const auto size = static_cast<Index>(values.size());
  return Tensor::from(std::span<const double>(values), {size}, type);
}

std::vector<unsigned> bytes(const Tensor& tensor) {
  std::vector<unsigned> values;
  for (std::byte byte : tensor.data) values.push_back(std::to_integer<unsigned>(byte));
  return values;
}

TEST(Tensor, BytesAreLittleEndianPatterns) {
  EXPECT_THAT(bytes(tensor({1.5}, DType::f64)), ElementsAre(0, 0, 0, 0, 0, 0, 0xf8, 0x3f));
  EXPECT_THAT(bytes(tensor({1.5}, DType::f32)), ElementsAre(0, 0, 0xc0, 0x3f));
  EXPECT_THAT(bytes(tensor({1.5}, DType::f16)), ElementsAre(0, 0x3e));
  EXPECT_THAT(bytes(tensor({1.5}, DType::bf16)), ElementsAre(0xc0, 0x3f));
  EXPECT_THAT(bytes(tensor({1.5}, DType::e4m3)), ElementsAre(0x3c));
  EXPECT_THAT(bytes(tensor({1.5}, DType::e5m2)), ElementsAre(0x3e));
  EXPECT_THAT(bytes(tensor({-2, 513}, DType::i32)), ElementsAre(0xfe, 0xff, 0xff, 0xff, 1, 2, 0, 0));
  EXPECT_THAT(bytes(tensor({-2, 513}, DType::i16)), ElementsAre(0xfe, 0xff, 1, 2));
  EXPECT_THAT(bytes(tensor({0, 1}, DType::boolean)), ElementsAre(0, 1));
}

TEST(Tensor, FloatsComeBackAsTheirRounding) {
  const std::vector<double> values = {0.0, -0.0, 1.0 / 3, -2.5e-5, 300, -6e4, 1e-300, kInf, -kInf};
  for (DType type : {DType::f64, DType::f32, DType::f16, DType::bf16, DType::e5m2}) {
    std::vector<double> expected = values;
    round_to(type, std::span(expected));
    EXPECT_THAT(tensor(values, type).to_double(), ElementsAreArray(expected)) << name(type);
    EXPECT_TRUE(std::signbit(tensor(values, type).to_double()[1])) << name(type);
    EXPECT_TRUE(std::isnan(tensor({kNaN}, type).to_double()[0])) << name(type);
    EXPECT_TRUE(std::isnan(tensor({kNaN}, type).to_float()[0])) << name(type);
  }
  const std::vector<double> e4m3 = tensor({1.0 / 3, 448, 500, kInf, kNaN}, DType::e4m3).to_double();
  EXPECT_EQ(e4m3[0], 0.34375);
  EXPECT_EQ(e4m3[1], 448);
  for (std::size_t i : {2u, 3u, 4u}) EXPECT_TRUE(std::isnan(e4m3[i])) << i;
}

TEST(Tensor, FloatAndDoubleInputsAndOutputsAgree) {
  const std::vector<float> floats = {0.1f, -7.25f, 3e38f, 1e-45f};
  const std::vector<double> doubles(floats.begin(), floats.end());
  for (DType type : {DType::f64, DType::f32, DType::f16, DType::bf16}) {
    const Tensor a = Tensor::from(std::span<const float>(floats), {2, 2}, type, "x");
    const Tensor b = Tensor::from(std::span<const double>(doubles), {2, 2}, type, "x");
    EXPECT_EQ(a.data, b.data) << name(type);
    EXPECT_EQ(a.name, "x");
    EXPECT_THAT(a.shape, ElementsAre(2, 2));
    const std::vector<float> back = a.to_float();
    EXPECT_THAT(a.to_double(), ElementsAreArray(std::vector<double>(back.begin(), back.end()))) << name(type);
  }
  EXPECT_THAT(Tensor::from(std::span<const float>(floats), {4}, DType::f32).to_float(),
              ElementsAreArray(floats));
}

TEST(Tensor, IntegersRoundToTheNearestEven) {
  for (DType type : kIntegers) {
    EXPECT_THAT(tensor({0.5, 1.5, 2.5, 2.6, 127, -0.4}, type).to_double(), ElementsAre(0, 2, 2, 3, 127, 0))
        << name(type);
  }
  EXPECT_THAT(tensor({0.2, 1.4}, DType::boolean).to_double(), ElementsAre(0, 1));
}

TEST(Tensor, IntegerRangesAreExact) {
  for (DType type : kIntegers) {
    const bool is_signed = name(type).starts_with("int");
    const int digits = bits(type) - (is_signed ? 1 : 0);
    const double least = is_signed ? -std::ldexp(1, digits) : 0;
    // The largest double below 2^digits that is whole.
    const double most = digits <= 53 ? std::ldexp(1, digits) - 1 : std::nextafter(std::ldexp(1, digits), 0);
    EXPECT_THAT(tensor({least, most}, type).to_double(), ElementsAre(least, most)) << name(type);
    const double below = least == 0 ? -1 : digits <= 52 ? least - 1 : std::nextafter(least, -kInf);
    for (double value : {below, std::ldexp(1, digits), kInf, -kInf, kNaN}) {
      EXPECT_REFUSED(InvalidArgument, tensor({value}, type), "in the range of " + std::string(name(type)));
    }
  }
  for (double value : {-1.0, 2.0, kNaN})
    EXPECT_REFUSED(InvalidArgument, tensor({value}, DType::boolean), "range of bool");
}

TEST(Tensor, EveryNonzeroByteIsTrue) {
  Tensor flags{{"", DType::boolean, {3}}, {std::byte{0}, std::byte{1}, std::byte{255}}};
  EXPECT_THAT(flags.to_double(), ElementsAre(0, 1, 1));
}

TEST(Tensor, ScalarsAndEmptyTensorsHaveTheirSizes) {
  EXPECT_EQ(element_count({}), 1);
  EXPECT_EQ(element_count(std::vector<Index>{3, 0, 5}), 0);
  EXPECT_EQ(byte_count({"", DType::bf16, {2, 3}}), 12);
  const std::vector<double> one = {2.5}, none;
  EXPECT_THAT(Tensor::from(std::span<const double>(one), {}, DType::f16).to_double(), ElementsAre(2.5));
  EXPECT_TRUE(Tensor::from(std::span<const double>(none), {0, 4}, DType::f16).to_double().empty());
}

TEST(Tensor, OverflowingSizesAreNoSizes) {
  const Index large = Index{1} << 32;
  EXPECT_FALSE(element_count(std::vector<Index>{large, large}));
  EXPECT_FALSE(element_count(std::vector<Index>{0, large, large}));  // strides would overflow
  EXPECT_FALSE(element_count(std::vector<Index>{-1}));
  EXPECT_EQ(element_count(std::vector<Index>{large, large / 4}), Index{1} << 62);
  EXPECT_EQ(byte_count({"", DType::u8, {large, large / 4}}), Index{1} << 62);
  EXPECT_FALSE(byte_count({"", DType::f16, {large, large / 4}}));
  EXPECT_FALSE(byte_count({"", DType::int4, {8}}));
}

TEST(Tensor, MismatchesAreRefused) {
  const std::vector<double> values = {1, 2, 3};
  EXPECT_REFUSED(InvalidArgument, Tensor::from(std::span<const double>(values), {2, 2}, DType::f32),
                 "shape: got [2, 2], expected 3 elements in all");
  EXPECT_REFUSED(InvalidArgument, Tensor::from(std::span<const double>(values), {-3}, DType::f32),
                 "shape: got [-3]");
  EXPECT_REFUSED(InvalidArgument, tensor({1}, DType::int4), "dtype: got int4");
  Tensor cut = tensor({1, 2}, DType::f32);
  cut.data.pop_back();
  EXPECT_REFUSED(InvalidArgument, cut.to_double(), "tensor: got 7 bytes, expected the data of fp32 [2]");
  EXPECT_REFUSED(InvalidArgument, cut.to_float(), "tensor: got 7 bytes");
}

}  // namespace
}  // namespace attnlab::files
