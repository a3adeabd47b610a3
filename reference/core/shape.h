// Shapes in refusals: how they are written, and the one check that a tensor has the one that it should have.
#pragma once

#include <initializer_list>
#include <span>
#include <string>

#include "reference/core/errors.h"
#include "reference/core/view.h"

namespace attnlab {

// "[2, 12, 201, 32]"
std::string shape_text(std::span<const Index> shape);
std::string shape_text(std::initializer_list<Index> shape);
std::string shape_text(const Extents& extents);

// Throws InvalidArgument(name, ...) unless the view has these extents, and data where it has elements.
// `meaning` says in the refusal what the extents are.
template <class View>
void require_shape(const std::string& name, const View& tensor, const Extents& expected,
                   const std::string& meaning = "[batch, heads, seqlen, dim]") {
  if (extents_of(tensor) != expected) {
    throw InvalidArgument(name, shape_text(extents_of(tensor)), meaning + " = " + shape_text(expected));
  }
  if (tensor.data == nullptr && expected.elements() != 0) throw InvalidArgument(name, "no data", "a tensor");
}
template <class T>
void require_shape(const std::string& name, const MatrixView<T>& matrix, Index rows, Index cols,
                   const std::string& meaning = "") {
  const bool no_data = matrix.data == nullptr && rows * cols != 0;
  if (!no_data && matrix.rows == rows && matrix.cols == cols) return;
  throw InvalidArgument(name, no_data ? "no data" : shape_text({matrix.rows, matrix.cols}),
                        (meaning.empty() ? "" : meaning + " = ") + shape_text({rows, cols}));
}

}  // namespace attnlab
