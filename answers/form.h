// How the tensors of a problem lie in files: the order of their dimensions, and what their shapes must be.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "files/tensor.h"
#include "reference/core/tensor.h"

namespace attnlab::answers {

// The order of a tensor's dimensions. Four of them, or fewer:
//   bhsd    [batch, heads, seqlen, dim]; one sequence [heads, seqlen, dim]; one head [seqlen, dim]
//   bshd    [batch, seqlen, heads, dim]; one sequence [seqlen, heads, dim]; one head [seqlen, dim]
//   packed  [total, heads, dim], sequences one after the other (cu_seqlens_q, cu_seqlens_kv)
// Q, K, V, O and their gradients have the same form. lse is [batch, heads, seqlen] in both layouts, packed
// [heads, total], with as many leading dimensions left out.
struct Form {
  enum class Order { bhsd, bshd, packed };
  Order order = Order::bhsd;
  std::size_t rank = 4;

  // The extents of a shape of this rank, and the shape of extents.
  Extents extents(const std::vector<Index>& shape) const;
  std::vector<Index> shape(const Extents& extents) const;
  std::vector<Index> lse_shape(const Extents& extents) const;
  // "[2, a divisor of 12, 201, 32]": a shape in words.
  std::string text(const std::string& batch, const std::string& heads, const std::string& seqlen,
                   const std::string& dim) const;
  const char* name() const;

  // Elements that lie in this form.
  Tensor tensor(const files::Tensor& elements, const Extents& e) const;
  template <class T>
  TensorView<T> view(T* data, const Extents& e) const {
    return order == Order::bhsd ? bhsd(data, e.batch, e.heads, e.seqlen, e.dim)
                                : bshd(data, e.batch, e.seqlen, e.heads, e.dim);
  }
};

// The order that a field names ("bhsd", "bshd", or nothing: bhsd) or that packed sequences have. Throws
// InvalidArgument.
Form::Order order_of(const std::string& field, const std::string& layout, bool packed);

// The form that the shape of q tells. Throws InvalidArgument naming `label`, what the tensor is called in
// refusals.
Form form_of(const std::string& label, const std::vector<Index>& shape, Form::Order order);

// What is fixed of a tensor's extents.
struct ExpectedExtents {
  std::optional<Index> batch, heads, seqlen, dim;
  std::optional<Index> heads_divide;  // heads must divide this
};

// The extents of a shape, which must be of the form and agree with what is fixed. Throws InvalidArgument with
// the shape and the expected one.
Extents extents_in(const Form& form, const std::string& label, const std::vector<Index>& shape,
                   const ExpectedExtents& expected);

[[noreturn]] void refuse_shape(const std::string& label, const std::vector<Index>& shape,
                               const std::string& expected);

}  // namespace attnlab::answers
