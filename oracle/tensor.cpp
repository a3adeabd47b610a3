// Reading tensors of any type, stride, scale and page table as float64; what must hold before that.
#include "oracle/tensor.h"

#include <algorithm>
#include <array>
#include <bit>
#include <string>

#include "reference/core/blocks.h"
#include "reference/core/errors.h"

namespace attnlab::oracle {
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
    default:
      throw InvalidArgument("dtype", std::string(name(t.dtype)), "a floating-point type");
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

std::string shape(Index batch, Index heads, Index seqlen, Index dim) {
  return "[" + std::to_string(batch) + ", " + std::to_string(heads) + ", " + std::to_string(seqlen) + ", " +
         std::to_string(dim) + "]";
}

void require_scale(const std::string& name, const Tensor& t) {
  if (!t.scale) return;
  if (t.scale_rows < 1) {
    throw InvalidArgument(name + ".scale_rows", std::to_string(t.scale_rows), "1 or more");
  }
  const auto& s = t.scale;
  const Index blocks = ceil_div(t.seqlen, t.scale_rows);
  if ((s.batch != 1 && s.batch != t.batch) || (s.heads != 1 && s.heads != t.heads) ||
      (s.rows != 1 && s.rows != blocks) || (s.cols != 1 && s.cols != t.dim)) {
    throw InvalidArgument(name + ".scale", shape(s.batch, s.heads, s.rows, s.cols),
                          "extents of 1 or " + shape(t.batch, t.heads, blocks, t.dim));
  }
}

void require_tensor(const std::string& name, const Tensor& t, Index batch, Index heads, Index seqlen,
                    Index dim) {
  if (!is_float(t.dtype)) {
    throw InvalidArgument(name, "type " + std::string(attnlab::name(t.dtype)), "a floating-point type");
  }
  if (t.batch != batch || t.heads != heads || t.seqlen != seqlen || t.dim != dim) {
    throw InvalidArgument(name, shape(t.batch, t.heads, t.seqlen, t.dim),
                          "[batch, heads, seqlen, dim] = " + shape(batch, heads, seqlen, dim));
  }
  if (!t && batch * heads * seqlen * dim != 0) throw InvalidArgument(name, "no data", "a tensor");
  require_scale(name, t);
}

void require_pages(const std::string& name, const attention::Problem& p, const Tensor& t) {
  if (t.page_size < 1) {
    throw InvalidArgument(name + ".page_size", std::to_string(t.page_size), "1 or more");
  }
  for (Index b = 0; b < p.batch; ++b) {
    const Index pages = ceil_div(p.kv_rows(b).size, t.page_size);
    if (pages > t.block_table_stride && p.batch > 1) {
      throw InvalidArgument(name + ".block_table",
                            std::to_string(t.block_table_stride) + " pages of " +
                                std::to_string(t.page_size) + " rows a sequence",
                            std::to_string(pages) + " for sequence " + std::to_string(b) + "'s " +
                                std::to_string(p.kv_rows(b).size) + " rows");
    }
    for (Index page = 0; page < pages; ++page) {
      const std::int32_t id = t.block_table[b * t.block_table_stride + page];
      if (id < 0 || id >= t.num_pages) {
        throw InvalidArgument(name + ".block_table[" + std::to_string(b) + ", " + std::to_string(page) + "]",
                              std::to_string(id), "a page from 0 to " + std::to_string(t.num_pages - 1));
      }
    }
  }
}

// K and V, which may be paged: the table then has a row a sequence, packed or not.
void require_kv(const std::string& name, const attention::Problem& p, const Tensor& t, Index dim) {
  if (t.paged()) {
    require_tensor(name, t, p.batch, p.num_kv_heads, p.seqlen_kv, dim);
    require_pages(name, p, t);
  } else {
    require_tensor(name, t, p.tensor_batches(), p.num_kv_heads, p.tensor_rows_kv(), dim);
  }
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

void require_fit(const attention::Problem& p, const Inputs& in, const Outputs& out) {
  validate(p);
  const Index batches = p.tensor_batches(), rows_q = p.tensor_rows_q(), rows_kv = p.tensor_rows_kv();
  require_tensor("q", in.q, batches, p.num_heads, rows_q, p.head_dim);
  require_kv("k", p, in.k, p.head_dim);
  require_kv("v", p, in.v, p.head_dim_v);
  if (in.dout) require_tensor("dout", in.dout, batches, p.num_heads, rows_q, p.head_dim_v);
  if (out.o) require_tensor("o", out.o, batches, p.num_heads, rows_q, p.head_dim_v);
  if (out.lse) require_tensor("lse", out.lse, batches, p.num_heads, rows_q, 1);
  if (out.dq) require_tensor("dq", out.dq, batches, p.num_heads, rows_q, p.head_dim);
  if (out.dk) require_tensor("dk", out.dk, batches, p.num_kv_heads, rows_kv, p.head_dim);
  if (out.dv) require_tensor("dv", out.dv, batches, p.num_kv_heads, rows_kv, p.head_dim_v);
  if (out.backward() && !in.dout && batches * p.num_heads * rows_q * p.head_dim_v != 0) {
    throw InvalidArgument("dout", "no data", "the gradient of o, to compare dq, dk and dv");
  }
}

}  // namespace attnlab::oracle
