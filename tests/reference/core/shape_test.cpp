// Are shapes written one way, and is a tensor of another shape, or without data, refused by name?
#include "reference/core/shape.h"

#include <gtest/gtest.h>

#include <vector>

namespace attnlab {
namespace {

template <class Check>
std::string refusal(const Check& check) {
  try {
    check();
  } catch (const InvalidArgument& error) {
    return error.what();
  }
  return "";
}

TEST(Shape, IsWrittenInBrackets) {
  EXPECT_EQ(shape_text(std::initializer_list<Index>{}), "[]");
  EXPECT_EQ(shape_text(std::vector<Index>{2, 12}), "[2, 12]");
  EXPECT_EQ(shape_text(Extents{2, 12, 201, 32}), "[2, 12, 201, 32]");
}

TEST(Shape, OfATensorMustBeTheExpectedOne) {
  const std::vector<float> numbers(24);
  const auto t = bhsd(numbers.data(), 1, 2, 3, 4);
  EXPECT_EQ(refusal([&] { require_shape("q", t, {1, 2, 3, 4}); }), "");
  EXPECT_EQ(refusal([&] {
              require_shape("q", t, {1, 2, 4, 3});
            }),
            "q: got [1, 2, 3, 4], expected [batch, heads, seqlen, dim] = [1, 2, 4, 3]");
  const TensorView<const float> none = bhsd<const float>(nullptr, 1, 2, 3, 4);
  EXPECT_EQ(refusal([&] { require_shape("q", none, {1, 2, 3, 4}); }), "q: got no data, expected a tensor");
  const TensorView<const float> empty = bhsd<const float>(nullptr, 1, 2, 0, 4);
  EXPECT_EQ(refusal([&] { require_shape("q", empty, {1, 2, 0, 4}); }), "");
}

TEST(Shape, OfAMatrixMustBeTheExpectedOne) {
  const float numbers[6] = {};
  const MatrixView<const float> m{numbers, 2, 3, 3};
  EXPECT_EQ(refusal([&] { require_shape("w", m, 2, 3); }), "");
  EXPECT_EQ(refusal([&] { require_shape("w", m, 3, 2); }), "w: got [2, 3], expected [3, 2]");
  EXPECT_EQ(refusal([&] { require_shape("w", m, 3, 2, "[out, in]"); }),
            "w: got [2, 3], expected [out, in] = [3, 2]");
  EXPECT_EQ(refusal([&] {
              require_shape("w", MatrixView<const float>{nullptr, 2, 3, 3}, 2, 3);
            }),
            "w: got no data, expected [2, 3]");
}

}  // namespace
}  // namespace attnlab
