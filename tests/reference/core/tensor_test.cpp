// Is every element read exactly and written rounded, whatever the type, the strides, the scales and the pages?
#include "reference/core/tensor.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace attnlab {
namespace {

constexpr DType kTypes[] = {DType::f64, DType::f32, DType::f16, DType::bf16, DType::e4m3, DType::e5m2};

double element(const Tensor& t, Index b, Index h, Index i, Index c) {
  std::vector<double> row(static_cast<std::size_t>(t.dim));
  read(t, b, h, {i, 1}, {row.data(), 1, t.dim, t.dim});
  return row[static_cast<std::size_t>(c)];
}

TEST(Tensor, WhatIsWrittenIsReadRounded) {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  const std::array<double, 10> numbers{0.1, -0.0, 1e-9, 3.14159, -65519.9, 1e300, inf, -inf, nan, 1.0 / 3};
  for (const DType type : kTypes) {
    std::vector<std::byte> memory(10 * static_cast<std::size_t>(bits(type)) / 8);
    const OutputTensor out(memory.data(), bhsd(memory.data(), type, 1, 1, 2, 5));
    write(out, 0, 0, 0, {numbers.data(), 2, 5, 5});
    for (Index n = 0; n < 10; ++n) {
      const double got = element(out.read(), 0, 0, n / 5, n % 5);
      const double expected = round_to(type, numbers[static_cast<std::size_t>(n)]);
      EXPECT_TRUE(std::isnan(expected) ? std::isnan(got) : got == expected) << name(type) << " " << n;
      EXPECT_EQ(std::signbit(got), std::signbit(expected)) << name(type) << " " << n;
    }
  }
}

TEST(Tensor, StridesMayBeAnyAndRowsMayLieApart) {
  // [seqlen 3, batch 2, dim 4, heads 2]: columns are not contiguous.
  std::vector<float> memory(48);
  for (std::size_t n = 0; n < memory.size(); ++n) memory[n] = static_cast<float>(n);
  Tensor t = bhsd(memory.data(), DType::f32, 2, 2, 3, 4);
  t.row_stride = 16, t.batch_stride = 8, t.dim_stride = 2, t.head_stride = 1;
  EXPECT_EQ(element(t, 1, 1, 2, 3), 2 * 16 + 8 + 3 * 2 + 1);
  t.data = memory.data() + 32, t.row_stride = -16;  // the rows backwards
  EXPECT_EQ(element(t, 1, 1, 2, 3), 8 + 3 * 2 + 1);
  t.row_stride = 0;  // one row for all
  EXPECT_EQ(element(t, 1, 1, 2, 3), 32 + 8 + 3 * 2 + 1);
  OutputTensor out(memory.data(), t);
  out.data = memory.data() + 32;
  const double value = -5;
  write(out, 1, 1, 0, {&value, 1, 1, 1});
  EXPECT_EQ(memory[32 + 8 + 1], -5);
}

TEST(Tensor, IsAViewOfNumbersToo) {
  std::vector<double> numbers(2 * 3 * 5 * 7);
  const TensorView<double> view = bshd(numbers.data(), 2, 5, 3, 7);
  view.head(1, 2)(4, 6) = 42;
  const Tensor t = view;
  EXPECT_EQ(t.dtype, DType::f64);
  EXPECT_EQ(extents_of(t), extents_of(view));
  EXPECT_EQ(element(t, 1, 2, 4, 6), 42);
  const OutputTensor out = view;
  EXPECT_EQ(out.data, numbers.data());
  EXPECT_EQ(view_of<double>(out.read()).head(1, 2)(4, 6), 42);
  const TensorView<const float> none;
  EXPECT_FALSE(Tensor(none));
}

TEST(Tensor, ScalesMultiplyBlocksOfRows) {
  const std::vector<float> ones(12, 1), factors{2, 4, 8};
  Tensor t = bhsd(ones.data(), DType::f32, 1, 1, 6, 2);
  t.scale = broadcast(factors.data(), 1, 1, 3, 1);
  t.scale_rows = 2;
  for (Index i = 0; i < 6; ++i) EXPECT_EQ(element(t, 0, 0, i, 1), factors[static_cast<std::size_t>(i / 2)]);
}

TEST(Tensor, PagesAreReadWhereTheTableSays) {
  // Pages of 2 rows, [pages 4, heads 1, page size 2, dim 1]; a sequence of 5 rows in pages 3, 0, 2.
  std::vector<float> pages{0, 1, 2, 3, 4, 5, 6, 7};
  const std::vector<std::int32_t> table{3, 0, 2};
  Tensor t = bhsd(pages.data(), DType::f32, 4, 1, 2, 1);
  t.batch = 1, t.seqlen = 5;
  t.block_table = table.data(), t.block_table_stride = 3, t.page_size = 2, t.num_pages = 4;
  std::array<double, 4> rows{};
  read(t, 0, 0, {1, 4}, {rows.data(), 4, 1, 1});
  EXPECT_EQ(rows, (std::array<double, 4>{7, 0, 1, 4}));
}

}  // namespace
}  // namespace attnlab
