#include "reference/core/tensor.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <string>

#include "reference/core/errors.h"

namespace attnlab {
namespace {

// Conversions of one stored element. The 16-bit ones are branch-free, so that loops over them vectorise.
double from_f16(std::uint16_t bits) {
  // Exponent and mantissa in a float's places are too small by 2^(127 - 15); the product is exact, and makes
  // normals of subnormals. Infinities and NaN get the exponent that means them.
  const std::uint32_t magnitude = static_cast<std::uint32_t>(bits & 0x7fffu) << 13;
  const std::uint32_t special = magnitude >= 0x0f800000u ? 0x7f800000u : 0u;
  const std::uint32_t value = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112f);
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16;
  return static_cast<double>(std::bit_cast<float>(value | special | sign));
}

double from_bf16(std::uint16_t bits) {
  return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16));
}

std::array<double, 256> table_of(DType type) {
  std::array<double, 256> table{};
  for (std::size_t i = 0; i < table.size(); ++i) table[i] = decode(type, i);
  return table;
}

template <class Stored, class Convert>
void read_strided(const void* data, Index first, Index row_stride, Index dim_stride, MatrixView<double> out,
                  Convert convert) {
  const auto* base = static_cast<const Stored*>(data);
  for (Index r = 0; r < out.rows; ++r) {
    const Stored* from = base + (first + r * row_stride);
    double* to = out.data + r * out.row_stride;
    if (dim_stride == 1) {
      for (Index c = 0; c < out.cols; ++c) to[c] = convert(from[c]);
    } else {
      for (Index c = 0; c < out.cols; ++c) to[c] = convert(from[c * dim_stride]);
    }
  }
}

// Rows that lie at one stride from element `first` on.
void read_rows(const Tensor& t, Index first, MatrixView<double> out) {
  static const std::array<double, 256> e4m3 = table_of(DType::e4m3), e5m2 = table_of(DType::e5m2);
  switch (t.dtype) {
    case DType::f64:
      return read_strided<double>(t.data, first, t.row_stride, t.dim_stride, out, [](double x) { return x; });
    case DType::f32:
      return read_strided<float>(t.data, first, t.row_stride, t.dim_stride, out,
                                 [](float x) { return static_cast<double>(x); });
    case DType::f16:
      return read_strided<std::uint16_t>(t.data, first, t.row_stride, t.dim_stride, out, from_f16);
    case DType::bf16:
      return read_strided<std::uint16_t>(t.data, first, t.row_stride, t.dim_stride, out, from_bf16);
    case DType::e4m3:
      return read_strided<std::uint8_t>(t.data, first, t.row_stride, t.dim_stride, out,
                                        [](std::uint8_t x) { return e4m3[x]; });
    case DType::e5m2:
      return read_strided<std::uint8_t>(t.data, first, t.row_stride, t.dim_stride, out,
                                        [](std::uint8_t x) { return e5m2[x]; });
    case DType::i8:
      return read_strided<std::int8_t>(t.data, first, t.row_stride, t.dim_stride, out,
                                       [](std::int8_t x) { return static_cast<double>(x); });
    default:
      throw InvalidArgument("dtype", std::string(name(t.dtype)), "a floating-point type or int8");
  }
}

void apply_scale(const Tensor& t, Index b, Index h, Rows rows, MatrixView<double> out) {
  const auto& s = t.scale;
  const auto step = [](Index extent, Index stride) { return extent == 1 ? Index{0} : stride; };
  const float* base = s.data + b * step(s.batch, s.batch_stride) + h * step(s.heads, s.head_stride);
  const Index row_stride = step(s.rows, s.row_stride), col_stride = step(s.cols, s.col_stride);
  for (Index r = 0; r < rows.size; ++r) {
    const float* factors = base + (rows.begin + r) / t.scale_rows * row_stride;
    double* to = out.data + r * out.row_stride;
    for (Index c = 0; c < out.cols; ++c) to[c] *= static_cast<double>(factors[c * col_stride]);
  }
}

Tensor contiguous(const void* data, DType dtype, const TensorView<const char>& view) {
  Tensor t;
  t.data = data;
  t.dtype = dtype;
  t.batch = view.batch, t.heads = view.heads, t.seqlen = view.seqlen, t.dim = view.dim;
  t.batch_stride = view.batch_stride, t.head_stride = view.head_stride, t.row_stride = view.row_stride;
  return t;
}

}  // namespace

Tensor bhsd(const void* data, DType dtype, Index batch, Index heads, Index seqlen, Index dim) {
  return contiguous(data, dtype, attnlab::bhsd(static_cast<const char*>(nullptr), batch, heads, seqlen, dim));
}

Tensor bshd(const void* data, DType dtype, Index batch, Index seqlen, Index heads, Index dim) {
  return contiguous(data, dtype, attnlab::bshd(static_cast<const char*>(nullptr), batch, seqlen, heads, dim));
}

void read(const Tensor& t, Index b, Index h, Rows rows, MatrixView<double> out) {
  if (rows.size == 0 || out.cols == 0) return;
  if (t.paged()) {
    for (Index done = 0; done < rows.size;) {
      const Index row = rows.begin + done, in_page = row % t.page_size;
      const Index size = std::min(rows.size - done, t.page_size - in_page);
      const Index page = t.block_table[b * t.block_table_stride + row / t.page_size];
      read_rows(t, page * t.batch_stride + h * t.head_stride + in_page * t.row_stride,
                out.middle({done, size}));
      done += size;
    }
  } else {
    read_rows(t, b * t.batch_stride + h * t.head_stride + rows.begin * t.row_stride, out);
  }
  if (t.scale) apply_scale(t, b, h, rows, out);
}

OutputTensor::OutputTensor(void* memory, const Tensor& t)
    : data(memory),
      dtype(t.dtype),
      batch(t.batch),
      heads(t.heads),
      seqlen(t.seqlen),
      dim(t.dim),
      batch_stride(t.batch_stride),
      head_stride(t.head_stride),
      row_stride(t.row_stride),
      dim_stride(t.dim_stride) {}

Tensor OutputTensor::read() const {
  Tensor t;
  t.data = data, t.dtype = dtype;
  t.batch = batch, t.heads = heads, t.seqlen = seqlen, t.dim = dim;
  t.batch_stride = batch_stride, t.head_stride = head_stride, t.row_stride = row_stride;
  t.dim_stride = dim_stride;
  return t;
}

void write(const OutputTensor& t, Index b, Index h, Index first_row, MatrixView<const double> values) {
  const auto pattern_of = [&](double value) -> std::uint64_t {
    if (t.dtype == DType::i8)
      return static_cast<std::uint64_t>(std::clamp(std::nearbyint(value), -128.0, 127.0));
    if (t.dtype != DType::f32 || std::isnan(value)) return encode(t.dtype, value);
    return std::bit_cast<std::uint32_t>(static_cast<float>(value));  // the same, and fast
  };
  const auto size = static_cast<std::size_t>(bits(t.dtype)) / 8;
  for (Index r = 0; r < values.rows; ++r) {
    const Index row = b * t.batch_stride + h * t.head_stride + (first_row + r) * t.row_stride;
    for (Index c = 0; c < values.cols; ++c) {
      const std::uint64_t pattern = pattern_of(values(r, c));  // its low bytes: little endian
      auto* to = static_cast<std::byte*>(t.data) + (row + c * t.dim_stride) * static_cast<Index>(size);
      std::memcpy(to, &pattern, size);
    }
  }
}

}  // namespace attnlab
