// A matrix whose rows lie in one piece, or in pages that a block table names.
#pragma once

#include <cstdint>
#include <type_traits>

#include "reference/core/view.h"

namespace attnlab {

// In pages, row r of the whole is row n % page_size of page table[n / page_size], n = first + r; page p begins
// at data + p * page_stride. Algorithms read it through Memory::load, which gathers what is not in one piece.
template <class T>
struct PagedMatrix {
  T* data = nullptr;
  Index rows = 0, cols = 0, row_stride = 0;
  const std::int32_t* table = nullptr;  // null: one piece, and what follows means nothing
  Index page_size = 0, page_stride = 0, first = 0;

  PagedMatrix() = default;
  template <class U>
  requires std::is_convertible_v<MatrixView<U>, MatrixView<T>> PagedMatrix(
      MatrixView<U> whole)  // NOLINT(google-explicit-constructor): in one piece
      : data(whole.data), rows(whole.rows), cols(whole.cols), row_stride(whole.row_stride) {}
  operator PagedMatrix<const T>() const {
    PagedMatrix<const T> same(MatrixView<const T>{data, rows, cols, row_stride});
    same.table = table, same.page_size = page_size, same.page_stride = page_stride, same.first = first;
    return same;
  }

  bool paged() const { return table != nullptr; }
  PagedMatrix middle(Rows range) const {
    PagedMatrix part = *this;
    part.rows = range.size;
    if (paged()) {
      part.first += range.begin;
    } else {
      part.data = advance(data, range.begin * row_stride);
    }
    return part;
  }

  // Entries of the table that lead to these rows; 0 where there is no table.
  Index entries() const {
    return !paged() || rows == 0 ? 0 : (first + rows - 1) / page_size - first / page_size + 1;
  }
  // body(rows of this matrix, where they lie) for every entry, or once.
  template <class Body>
  void for_each_piece(Body body) const {
    if (!paged()) return body(Rows{0, rows}, MatrixView<T>{data, rows, cols, row_stride});
    for (Index r = 0; r < rows;) {
      const Index n = first + r, in_page = n % page_size;
      const Index size = rows - r < page_size - in_page ? rows - r : page_size - in_page;
      T* page = data + Index{table[n / page_size]} * page_stride;
      body(Rows{r, size}, MatrixView<T>{page + in_page * row_stride, size, cols, row_stride});
      r += size;
    }
  }
};

}  // namespace attnlab
