// Strided, non-owning views of matrices and of 4-d attention tensors.
#pragma once

#include <cstdint>

namespace attnlab {

using Index = std::int64_t;

// A contiguous range of rows (or columns) of a matrix: [begin, begin + size).
struct Rows {
  Index begin = 0;
  Index size = 0;
  Index end() const { return begin + size; }
};

// data + offset; null where data is: a view of nothing may have no data.
template <class T>
T* advance(T* data, Index offset) {
  return data == nullptr ? nullptr : data + offset;
}

// A matrix in row-major order: element (r, c) is data[r * row_stride + c]. Columns are contiguous.
template <class T>
struct MatrixView {
  T* data = nullptr;
  Index rows = 0;
  Index cols = 0;
  Index row_stride = 0;

  T& operator()(Index r, Index c) const { return data[r * row_stride + c]; }
  MatrixView block(Rows r, Rows c) const {
    return {advance(data, r.begin * row_stride + c.begin), r.size, c.size, row_stride};
  }
  MatrixView middle(Rows range) const {
    return {advance(data, range.begin * row_stride), range.size, cols, row_stride};
  }
  operator MatrixView<const T>() const { return {data, rows, cols, row_stride}; }
};

// Q, K, V, O and their gradients: [batch, heads, seqlen, head_dim] in any order of the first three in memory;
// head_dim is contiguous. Strides count elements. A stride of 0 broadcasts.
template <class T>
struct TensorView {
  T* data = nullptr;
  Index batch = 0, heads = 0, seqlen = 0, dim = 0;
  Index batch_stride = 0, head_stride = 0, row_stride = 0;

  // The rows [begin, begin + size) of one head: [size, dim].
  MatrixView<T> head(Index b, Index h, Rows rows) const {
    return {advance(data, b * batch_stride + h * head_stride + rows.begin * row_stride), rows.size, dim,
            row_stride};
  }
  MatrixView<T> head(Index b, Index h) const { return head(b, h, {0, seqlen}); }
  operator TensorView<const T>() const {
    return {data, batch, heads, seqlen, dim, batch_stride, head_stride, row_stride};
  }
};

// PyTorch's layout: contiguous [batch, heads, seqlen, dim].
template <class T>
TensorView<T> bhsd(T* data, Index batch, Index heads, Index seqlen, Index dim) {
  return {data, batch, heads, seqlen, dim, heads * seqlen * dim, seqlen * dim, dim};
}

// FlashAttention's layout: contiguous [batch, seqlen, heads, dim].
template <class T>
TensorView<T> bshd(T* data, Index batch, Index seqlen, Index heads, Index dim) {
  return {data, batch, heads, seqlen, dim, seqlen * heads * dim, dim, heads * dim};
}

}  // namespace attnlab
