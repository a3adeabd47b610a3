#include "oracle/golden_head.h"

#include <algorithm>
#include <cmath>

#include "reference/attention/flash2.h"
#include "reference/attention/scores.h"
#include "reference/core/blocks.h"
#include "reference/softmax/row.h"

namespace attnlab::oracle {
namespace {

using attention::Head;
using attention::Side;
using attention::Visibility;

// Whether float64 rows can be used where they lie.
bool plain(const Tensor& t) { return t.dtype == DType::f64 && t.dim_stride == 1 && !t.scale && !t.paged(); }

// Whether every row of the list sees all of j through the band, and nothing else hides or shifts a key.
bool untouched(const Head& head, std::span<const Index> rows, Rows j) {
  return head.alibi_slope == 0 && head.all_visible({rows.front(), rows.back() - rows.front() + 1}, j);
}

// o += w b, where a hidden pair adds nothing even where b is NaN or inf.
void add_product(const Head& head, std::span<const Index> rows, Rows j, const RowMajor<double>& w,
                 MatrixView<const double> b, RowMajor<double>& o) {
  const auto values = as_eigen(b);
  if (untouched(head, rows, j) || attention::all_finite(values)) {
    o.noalias() += w * values;
    return;
  }
  Direct memory;
  for (Index r = 0; r < w.rows(); ++r) {
    const Rows row{rows[static_cast<std::size_t>(r)], 1};
    attention::add_product<Side::keys>(memory, head, row, j, w.row(r), values, o.row(r), 1.0);
  }
}

}  // namespace

std::size_t kept_bytes(int workers) { return (std::size_t{2} << 30) / static_cast<std::size_t>(workers); }

void KeyValues::select(Side& side, const Tensor& tensor, const attention::Problem& p, Index b,
                       Index kv_head) {
  side.tensor = tensor;
  const Rows rows = p.kv_rows(b);
  side.batch = tensor.paged() ? b : p.tensor_batch(b);
  side.first = tensor.paged() ? 0 : rows.begin;
  if (!whole_ || plain(tensor)) return;
  side.values.resize(static_cast<std::size_t>(rows.size * tensor.dim));
  read(tensor, side.batch, kv_head, {side.first, rows.size},
       {side.values.data(), rows.size, tensor.dim, tensor.dim});
}

void KeyValues::select(const attention::Problem& p, const Inputs& in, Index b, Index kv_head) {
  if (b == b_ && kv_head == kv_head_) return;
  b_ = b, kv_head_ = kv_head;
  size_ = p.kv_rows(b).size;
  whole_ = static_cast<std::size_t>(size_ * (p.head_dim + p.head_dim_v)) * sizeof(double) <= keep_;
  select(k_, in.k, p, b, kv_head);
  select(v_, in.v, p, b, kv_head);
}

MatrixView<const double> KeyValues::tile(Side& side, Rows j) {
  const Tensor& t = side.tensor;
  if (plain(t)) {
    const Index first =
        side.batch * t.batch_stride + kv_head_ * t.head_stride + (side.first + j.begin) * t.row_stride;
    return {static_cast<const double*>(t.data) + first, j.size, t.dim, t.row_stride};
  }
  if (whole_) return {side.values.data() + j.begin * t.dim, j.size, t.dim, t.dim};
  side.values.resize(static_cast<std::size_t>(j.size * t.dim));
  const MatrixView<double> out{side.values.data(), j.size, t.dim, t.dim};
  read(t, side.batch, kv_head_, {side.first + j.begin, j.size}, out);
  return out;
}

MatrixView<const double> KeyValues::k(Rows j) { return tile(k_, j); }
MatrixView<const double> KeyValues::v(Rows j) { return tile(v_, j); }

RowMajor<double> read_rows(const Tensor& tensor, Index b, Index h, Index first, std::span<const Index> rows) {
  RowMajor<double> out(static_cast<Index>(rows.size()), tensor.dim);
  for (std::size_t r = 0; r < rows.size();) {  // runs of neighbours at once
    std::size_t end = r + 1;
    while (end < rows.size() && rows[end] == rows[end - 1] + 1) ++end;
    const auto size = static_cast<Index>(end - r);
    read(tensor, b, h, {first + rows[r], size},
         {out.data() + static_cast<Index>(r) * tensor.dim, size, tensor.dim, tensor.dim});
    r = end;
  }
  return out;
}

template <class T>
void logits(const Head& head, std::span<const Index> rows, const RowMajor<T>& q, MatrixView<const T> k,
            Rows j, MatrixView<T> s) {
  as_eigen(s).noalias() = static_cast<T>(head.scale) * q * as_eigen(k).transpose();
  if (head.softcap == 0 && untouched(head, rows, j)) return;
  Direct memory;
  for (Index r = 0; r < s.rows; ++r) {
    const Rows row{rows[static_cast<std::size_t>(r)], 1};
    Tile<T> tile(s.middle({r, 1}), nullptr);
    attention::apply_softcap(memory, head, tile);
    attention::apply_bias_and_mask(memory, head, row, j, tile);
  }
}
template void logits<float>(const Head&, std::span<const Index>, const RowMajor<float>&,
                            MatrixView<const float>, Rows, MatrixView<float>);
template void logits<double>(const Head&, std::span<const Index>, const RowMajor<double>&,
                             MatrixView<const double>, Rows, MatrixView<double>);

ForwardRows golden_forward(const Head& head, KeyValues& kv, std::span<const Index> rows,
                           const RowMajor<double>& q) {
  const auto count = static_cast<Index>(rows.size());
  const bool sink = head.sink != -std::numeric_limits<double>::infinity();
  ForwardRows out;
  out.o = RowMajor<double>::Zero(count, head.head_dim_v);
  out.max.assign(rows.size(), head.sink);
  out.lse.assign(rows.size(), sink ? 1.0 : 0.0);  // l until the end
  if (rows.empty()) return out;
  RowMajor<double> s;
  const Index begin = head.band_begin(rows.front()), end = head.band_end(rows.back());
  Direct memory;
  for (Index first = begin; first < end; first += kGoldenKeys) {
    const Rows j{first, std::min(kGoldenKeys, end - first)};
    s.resize(count, j.size);
    const MatrixView<double> tile{s.data(), count, j.size, j.size};
    logits<double>(head, rows, q, kv.k(j), j, tile);
    for (Index r = 0; r < count; ++r) {
      double& m = out.max[static_cast<std::size_t>(r)];
      double& l = out.lse[static_cast<std::size_t>(r)];
      double* row = &tile(r, 0);
      const double m_new = std::max(softmax::max_row(row, j.size), m);
      const double rescale = softmax::exp_diff(m, m_new);
      l = rescale * l + softmax::exp_row(row, j.size, m_new);
      if (rescale != 1) out.o.row(r) *= rescale;
      m = m_new;
      if (head.dropout.p != 0) {
        Tile<double> weights(tile.middle({r, 1}), nullptr);
        attention::apply_dropout(memory, head, {rows[static_cast<std::size_t>(r)], 1}, j, weights);
      }
    }
    add_product(head, rows, j, s, kv.v(j), out.o);
  }
  for (Index r = 0; r < count; ++r) {
    double& l = out.lse[static_cast<std::size_t>(r)];
    if (l != 0) out.o.row(r) /= l;
    l = softmax::lse(out.max[static_cast<std::size_t>(r)], l);
  }
  return out;
}

void golden_backward(const Head& head, MatrixView<const double> k, MatrixView<const double> v,
                     const RowMajor<double>& q, const RowMajor<double>& dout, const RowMajor<double>& o,
                     const std::vector<double>& lse, const attention::Gradients<double>& gradients) {
  const auto view = [](const RowMajor<double>& m) {
    return MatrixView<const double>{m.data(), m.rows(), m.cols(), m.cols()};
  };
  std::vector<double> delta(lse.size());
  const Index rows = q.rows();
  const MatrixView<const double> lse_view{lse.data(), rows, 1, 1};
  Direct memory;
  attention::flash2_backward<Direct, double>(
      memory, head, {view(q), k, v}, {view(o), view(dout), {}, {}, lse_view, {delta.data(), rows, 1, 1}},
      gradients, {kGoldenRows, 2 * kGoldenKeys});
}

}  // namespace attnlab::oracle
