// A named tensor in memory as files hold it: element bytes, row-major, little endian.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "reference/core/dtype.h"
#include "reference/core/view.h"

namespace attnlab::files {

struct TensorInfo {
  std::string name;
  DType dtype = DType::f32;
  std::vector<Index> shape;  // slowest dimension first; empty for a scalar

  bool operator==(const TensorInfo&) const = default;
};

// The product of the dimensions: 1 for a scalar, 0 if a dimension is 0. Nothing if a dimension is negative or
// the product of the others exceeds 2^63 - 1.
std::optional<Index> element_count(std::span<const Index> shape);

// The elements' size in bytes. Nothing where element_count gives nothing, on overflow, and for int4, which
// has no file form.
std::optional<Index> byte_count(const TensorInfo& info);

struct Tensor : TensorInfo {
  std::vector<std::byte> data;  // byte_count() bytes

  // The elements as numbers, row-major. Throws InvalidArgument if data does not fit dtype and shape. 64-bit
  // integers beyond 2^53 (to_double) and everything beyond float's precision (to_float) are rounded to
  // nearest.
  std::vector<double> to_double() const;
  std::vector<float> to_float() const;

  // Values rounded to a type: floating-point types as round_to(dtype, value) does, integers and bool to the
  // nearest even integer. Throws InvalidArgument if the values are not as many as the shape says, if one is
  // NaN or out of an integer type's range, or for int4.
  static Tensor from(std::span<const double> values, std::vector<Index> shape, DType dtype,
                     std::string name = {});
  static Tensor from(std::span<const float> values, std::vector<Index> shape, DType dtype,
                     std::string name = {});
};

// The demands of every writer, as InvalidArgument: at least one tensor, each of a size that a file can hold,
// and names that are distinct, not empty and without a NUL byte.
void check_tensors(std::span<const TensorInfo> tensors);

// Throws InvalidArgument unless the data are byte_count() bytes.
void check_data(const Tensor& tensor);

}  // namespace attnlab::files
