// Python's arrays as the oracle's tensors, and back, without copies: whatever speaks DLPack or the buffer
// protocol and lies in the host's memory.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <string>
#include <vector>

#include "oracle/kernel.h"
#include "oracle/tensor.h"

namespace attnlab::python {

namespace nb = nanobind;
using Array = nb::ndarray<nb::ro>;

// The order of the first three dimensions of a 4-d tensor.
enum class Layout { bhsd, bshd };
// Throws InvalidArgument("layout", ...).
Layout parse_layout(const std::string& text);

// An array with its type. numpy has no bf16 and no fp8: such arrays come as integers with the type's name.
struct TypedArray {
  std::string argument;  // as the caller knows it, for errors
  Array array;
  DType dtype;
};
// `value` is the pair (array, type's name or ""). Throws InvalidArgument for what is no floating-point array
// in the host's memory.
TypedArray typed_array(const std::string& argument, nb::handle value);

// 4 dimensions in the order of `layout`; 3 are those of one batch entry, 2 those of one head.
Tensor tensor_of(const TypedArray& typed, Layout layout);
// [batch, heads, seqlen], [heads, seqlen] or [seqlen].
Tensor lse_of(const TypedArray& typed);

// [batch, heads, rows, cols] with leading dimensions left out; extents of 1 broadcast.
BroadcastView<std::uint8_t> mask_of(const std::string& argument, const Array& array);
BroadcastView<float> floats_of(const std::string& argument, const Array& array);

// [batch, heads, rows, dim], or without dim for dim 0, owning its values. T: double, float or std::uint8_t.
template <class T>
nb::object numpy_of(std::vector<T> values, Index batch, Index heads, Index rows, Index dim);
// The pair (numpy array, type's name) over memory of somebody else's, who must outlive it; of 4 dimensions,
// or for lse of 3. None for a tensor without data.
nb::object borrowed(const Tensor& tensor, std::size_t dimensions = 4);
nb::object borrowed(const OutputTensor& tensor, std::size_t dimensions = 4);

}  // namespace attnlab::python
