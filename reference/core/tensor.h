// Tensors where their owners have them: any floating-point type, any strides, scaled or paged; never copied
// as a whole. What the oracle reads, what kernels are given and what caches hand out.
#pragma once

#include <cstdint>
#include <type_traits>

#include "reference/core/dtype.h"
#include "reference/core/view.h"

namespace attnlab {

// The type of the numbers of a view.
template <class T>
requires(std::is_same_v<std::remove_const_t<T>, double> ||
         std::is_same_v<std::remove_const_t<T>, float>) inline constexpr DType kTypeOf =
    std::is_same_v<std::remove_const_t<T>, double> ? DType::f64 : DType::f32;

// Element (b, h, i, c) is data[b * batch_stride + h * head_stride + i * row_stride + c * dim_stride], times
// scale(b, h, i, c) where there is one. Strides count elements and may be 0 or negative. Extents are those of
// the problem's tensors (Problem::tensor_batches, tensor_rows_*); lse has dim 1.
struct Tensor {
  const void* data = nullptr;
  DType dtype = DType::f32;
  Index batch = 0, heads = 0, seqlen = 0, dim = 0;
  Index batch_stride = 0, head_stride = 0, row_stride = 0, dim_stride = 1;

  // FP8's descale factors: one number per tensor, per head or per block of scale_rows rows. Extents of 1
  // broadcast; there are ceil(seqlen / scale_rows) rows of them otherwise.
  BroadcastView<float> scale;
  Index scale_rows = 1;

  // A paged KV cache: row j of sequence b is row j % page_size of page
  // block_table[b * block_table_stride + j / page_size]; batch_stride is then the stride from page to page.
  // Rows beyond the sequence's length need no page. Extents are batch and seqlen_kv, of packed problems too:
  // what is packed then is Q alone, and rows count from the sequence's first key.
  const std::int32_t* block_table = nullptr;
  Index block_table_stride = 0, page_size = 0, num_pages = 0;

  Tensor() = default;
  template <class T>
  Tensor(const TensorView<T>& t)  // NOLINT(google-explicit-constructor): a view of numbers is a tensor
      : data(t.data),
        dtype(kTypeOf<T>),
        batch(t.batch),
        heads(t.heads),
        seqlen(t.seqlen),
        dim(t.dim),
        batch_stride(t.batch_stride),
        head_stride(t.head_stride),
        row_stride(t.row_stride) {}

  explicit operator bool() const { return data != nullptr; }
  bool paged() const { return block_table != nullptr; }
};

// A tensor to write, with the same addressing.
struct OutputTensor {
  void* data = nullptr;
  DType dtype = DType::f32;
  Index batch = 0, heads = 0, seqlen = 0, dim = 0;
  Index batch_stride = 0, head_stride = 0, row_stride = 0, dim_stride = 1;

  OutputTensor() = default;
  // The memory of `t`, which its owner lets be written to.
  OutputTensor(void* memory, const Tensor& t);
  template <class T>
  requires(!std::is_const_v<T>) OutputTensor(const TensorView<T>& t)  // NOLINT(google-explicit-constructor)
      : OutputTensor(t.data, Tensor(t)) {}

  explicit operator bool() const { return data != nullptr; }
  Tensor read() const;  // what was written
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

// Rows of one head as float64, exactly: out(r, c) = element (b, h, rows.begin + r, c).
void read(const Tensor& tensor, Index b, Index h, Rows rows, MatrixView<double> out);

// Rounds to the tensor's type: element (b, h, first_row + r, c) = values(r, c).
void write(const OutputTensor& tensor, Index b, Index h, Index first_row, MatrixView<const double> values);

}  // namespace attnlab
