#include "oracle/mistakes/load.h"

#include <cstring>
#include <vector>

namespace attnlab::oracle::mistaken {
namespace {

// One element at an offset from the tensor's first, unscaled.
double element(const Tensor& t, Index offset) {
  const auto bytes = static_cast<std::size_t>(bits(t.dtype) / 8);
  std::uint64_t pattern = 0;
  std::memcpy(&pattern, static_cast<const char*>(t.data) + offset * static_cast<Index>(bytes), bytes);
  return decode(t.dtype, pattern);
}

// Offsets that wrap: within a head at 2^16 elements, within the tensor at 2^32.
void read_wrapped(const Tensor& t, Wrong wrong, Index b, Index h, Rows rows, MatrixView<double> out) {
  read(t, b, h, rows, out);
  const Index head = b * t.batch_stride + h * t.head_stride;
  const bool narrow = wrong == Wrong::index_16_bits;
  const Index modulus = narrow ? Index{1} << 16 : Index{1} << 32;
  for (Index r = 0; r < rows.size; ++r) {
    const Index row = (rows.begin + r) * t.row_stride;
    for (Index c = 0; c < out.cols; ++c) {
      const Index offset = (narrow ? 0 : head) + row + c * t.dim_stride;
      if (offset >= modulus) out(r, c) = element(t, (narrow ? head : 0) + offset % modulus);
    }
  }
}

HeadRow from_flat(bool heads_first, Index heads, Index rows, Index flat) {
  return heads_first ? HeadRow{flat / rows, flat % rows} : HeadRow{flat % heads, flat / heads};
}
Index to_flat(bool heads_first, Index heads, Index rows, HeadRow at) {
  return heads_first ? at.head * rows + at.row : at.row * heads + at.head;
}

bool mistaken(Operand which, Wrong wrong) {
  return (which == Operand::q && wrong == Wrong::layout_q) ||
         (which == Operand::k && wrong == Wrong::layout_k) ||
         (which == Operand::v && wrong == Wrong::layout_v);
}

}  // namespace

bool heads_first(const Tensor& t) { return t.head_stride >= t.row_stride; }

bool has_other_layout(const Tensor& t) {
  if (t.paged() || t.heads < 2 || t.seqlen < 2 || t.scale || t.dim_stride != 1) return false;
  const bool first = t.row_stride == t.dim && t.head_stride == t.seqlen * t.dim;
  const bool second = t.head_stride == t.dim && t.row_stride == t.heads * t.dim;
  return first || second;
}

HeadRow other_layout(bool heads_first, Index heads, Index rows, HeadRow at) {
  return from_flat(heads_first, heads, rows, to_flat(!heads_first, heads, rows, at));
}

RowMajor<double> load(const Tensor& tensor, Operand which, const attention::Problem& p, Wrong wrong, Index b,
                      Index h) {
  const bool keys = which == Operand::k || which == Operand::v;
  Index batch = tensor.paged() ? b : p.tensor_batch(b), head = h;
  if (keys) {
    head = wrong == Wrong::kv_head_modulo ? h % p.num_kv_heads
           : wrong == Wrong::kv_head_zero ? 0
                                          : h / p.group_size();
    if (wrong == Wrong::batch_zero) batch = 0;
  }
  Rows rows = keys ? p.kv_rows(b) : p.q_rows(b);
  if (tensor.paged()) rows.begin = 0;
  RowMajor<double> out(rows.size, tensor.dim);
  const MatrixView<double> view{out.data(), out.rows(), out.cols(), out.cols()};
  const auto row_of = [&](Index r) { return MatrixView<double>{&out(r, 0), 1, out.cols(), out.cols()}; };
  if (rows.size == 0 || tensor.dim == 0) return out;

  if (mistaken(which, wrong)) {
    for (Index r = 0; r < rows.size; ++r) {
      const HeadRow from =
          other_layout(heads_first(tensor), tensor.heads, tensor.seqlen, {head, rows.begin + r});
      read(tensor, batch, from.head, {from.row, 1}, row_of(r));
    }
  } else if (wrong == Wrong::page_off_by_one && tensor.paged()) {
    const Index pages = (rows.size + tensor.page_size - 1) / tensor.page_size;
    for (Index r = 0; r < rows.size; ++r) {
      const Index page = (r / tensor.page_size + 1) % pages;
      read(tensor, batch, head, {page * tensor.page_size + r % tensor.page_size, 1}, row_of(r));
    }
  } else if (wrong == Wrong::v_scale_missing && which == Operand::v) {
    Tensor unscaled = tensor;
    unscaled.scale = {};
    read(unscaled, batch, head, rows, view);
  } else if (keys && !tensor.paged() && (wrong == Wrong::index_16_bits || wrong == Wrong::index_32_bits)) {
    read_wrapped(tensor, wrong, batch, head, rows, view);
  } else {
    read(tensor, batch, head, rows, view);
  }
  return out;
}

}  // namespace attnlab::oracle::mistaken
