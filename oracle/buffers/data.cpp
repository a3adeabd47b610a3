#include "oracle/buffers/data.h"

#include <cmath>
#include <cstring>

namespace attnlab::oracle {
namespace {

constexpr ResultMember kMembers[] = {{"o", &Results::o},
                                     {"lse", &Results::lse},
                                     {"dq", &Results::dq},
                                     {"dk", &Results::dk},
                                     {"dv", &Results::dv}};

bool same_numbers(const std::vector<double>& a, const std::vector<double>& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!(a[i] == b[i] || (a[i] != a[i] && b[i] != b[i]))) return false;
  }
  return true;
}

}  // namespace

Data zeros(const attention::Problem& p, DType dtype, bool backward) {
  Data data;
  data.dtype = dtype;
  data.q = Numbers(p.tensor_batches(), p.num_heads, p.tensor_rows_q(), p.head_dim);
  data.k = Numbers(p.tensor_batches(), p.num_kv_heads, p.tensor_rows_kv(), p.head_dim);
  data.v = Numbers(p.tensor_batches(), p.num_kv_heads, p.tensor_rows_kv(), p.head_dim_v);
  if (backward) data.dout = Numbers(p.tensor_batches(), p.num_heads, p.tensor_rows_q(), p.head_dim_v);
  return data;
}

DType output_type(DType inputs) {
  return inputs == DType::e4m3 || inputs == DType::e5m2 ? DType::bf16 : inputs;
}

DType lse_type(DType inputs) { return inputs == DType::f64 ? DType::f64 : DType::f32; }

Tensor Result::tensor() const {
  static constexpr std::byte kNothing{};  // a tensor without rows is there, too
  if (!*this) return {};
  return bhsd(bytes.empty() ? &kNothing : bytes.data(), dtype, batch, heads, rows, dim);
}

std::vector<double> Result::row(Index b, Index h, Index i) const {
  std::vector<double> values(static_cast<std::size_t>(dim));
  read(tensor(), b, h, {i, 1}, {values.data(), 1, dim, dim});
  return values;
}

Outputs Results::outputs() const { return {o.tensor(), lse.tensor(), dq.tensor(), dk.tensor(), dv.tensor()}; }

std::span<const ResultMember> result_members() { return kMembers; }

bool same_row(const Result& a, const Result& b, Index batch, Index head, Index row) {
  const auto size = static_cast<std::size_t>(a.dim * bits(a.dtype) / 8);
  const auto offset = static_cast<std::size_t>((batch * a.heads + head) * a.rows + row) * size;
  if (std::memcmp(a.bytes.data() + offset, b.bytes.data() + offset, size) == 0) return true;
  // Either a difference or NaN of different bits; but zeros of different sign are a difference, too.
  const std::vector<double> left = a.row(batch, head, row), right = b.row(batch, head, row);
  if (!same_numbers(left, right)) return false;
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (left[i] == 0 && std::signbit(left[i]) != std::signbit(right[i])) return false;
  }
  return true;
}

}  // namespace attnlab::oracle
