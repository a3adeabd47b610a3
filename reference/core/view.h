// Strided, non-owning views of matrices, of 4-d attention tensors and of what broadcasts to them.
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

// The extents of an attention tensor, whatever its order in memory.
struct Extents {
  Index batch = 1, heads = 1, seqlen = 0, dim = 0;

  Index elements() const { return batch * heads * seqlen * dim; }
  bool operator==(const Extents&) const = default;
};
template <class View>
Extents extents_of(const View& t) {
  return {t.batch, t.heads, t.seqlen, t.dim};
}

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

// Values for every (batch, head, query, key); an extent of 1 broadcasts, with any strides (in elements).
template <class T>
struct BroadcastView {
  const T* data = nullptr;
  Index batch = 1, heads = 1, rows = 1, cols = 1;
  Index batch_stride = 0, head_stride = 0, row_stride = 0, col_stride = 0;

  explicit operator bool() const { return data != nullptr; }
};

// A contiguous [batch, heads, rows, cols] tensor; extents of 1 broadcast.
template <class T>
BroadcastView<T> broadcast(const T* data, Index batch, Index heads, Index rows, Index cols) {
  return {data,
          batch,
          heads,
          rows,
          cols,
          batch == 1 ? 0 : heads * rows * cols,
          heads == 1 ? 0 : rows * cols,
          rows == 1 ? 0 : cols,
          cols == 1 ? 0 : 1};
}

}  // namespace attnlab
