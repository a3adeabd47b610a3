// Tensors where their owners have them: any floating-point type, any strides, scaled or paged; never copied
// as a whole. The oracle reads them in float64, exactly.
#pragma once

#include <cstdint>

#include "reference/attention/problem.h"
#include "reference/core/dtype.h"

namespace attnlab::oracle {

// Element (b, h, i, c) is data[b * batch_stride + h * head_stride + i * row_stride + c * dim_stride], times
// scale(b, h, i, c) where there is one. Strides count elements and may be 0 or negative. Extents are those of
// the problem's tensors (Problem::tensor_batches, tensor_rows_*); lse has dim 1.
struct Tensor {
  const void* data = nullptr;
  DType dtype = DType::f32;
  Index batch = 0, heads = 0, seqlen = 0, dim = 0;
  Index batch_stride = 0, head_stride = 0, row_stride = 0, dim_stride = 1;

  // FP8's descale factors: one number a tensor, a head or a block of scale_rows rows. Extents of 1 broadcast;
  // there are ceil(seqlen / scale_rows) rows of them otherwise.
  attention::BroadcastView<float> scale;
  Index scale_rows = 1;

  // A paged KV cache: row j of sequence b is row j % page_size of page
  // block_table[b * block_table_stride + j / page_size]; batch_stride is then the stride from page to page.
  // Rows beyond the sequence's length need no page. Extents are batch and seqlen_kv, of packed problems too:
  // what is packed then is Q alone, and rows count from the sequence's first key.
  const std::int32_t* block_table = nullptr;
  Index block_table_stride = 0, page_size = 0, num_pages = 0;

  explicit operator bool() const { return data != nullptr; }
  bool paged() const { return block_table != nullptr; }
};

// Contiguous tensors in PyTorch's and in FlashAttention's order.
Tensor bhsd(const void* data, DType dtype, Index batch, Index heads, Index seqlen, Index dim);
Tensor bshd(const void* data, DType dtype, Index batch, Index seqlen, Index heads, Index dim);

// The same memory as numbers of type T, for the reference's algorithms: the tensor's type must be T's, its
// rows contiguous, without scales or pages.
template <class T>
TensorView<T> view_of(const Tensor& t) {
  T* data = static_cast<T*>(const_cast<void*>(t.data));
  return {data, t.batch, t.heads, t.seqlen, t.dim, t.batch_stride, t.head_stride, t.row_stride};
}

// Rows of one head as float64: out(r, c) = element (b, h, rows.begin + r, c).
void read(const Tensor& tensor, Index b, Index h, Rows rows, MatrixView<double> out);

// What a kernel is given and what it wrote. Tensors without data are not there: lse may be absent, and the
// backward ones come together (dout with any of dq, dk, dv).
struct Inputs {
  Tensor q, k, v, dout;
};
struct Outputs {
  Tensor o, lse, dq, dk, dv;
  bool backward() const { return dq || dk || dv; }
};

// Throws InvalidArgument naming the first tensor whose shape, type or page table does not fit the problem.
void require_fit(const attention::Problem& problem, const Inputs& inputs, const Outputs& outputs);

}  // namespace attnlab::oracle
