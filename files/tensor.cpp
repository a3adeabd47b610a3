#include "files/tensor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <set>
#include <string_view>
#include <type_traits>
#include <utility>

#include "reference/core/errors.h"
#include "reference/core/shape.h"

namespace attnlab::files {
namespace {

static_assert(std::endian::native == std::endian::little, "tensor bytes are little endian");

// Calls visit(T{}) with the C++ type whose object has the elements' bytes: the number itself for fp64, fp32
// and integers, the bit pattern for narrower floats.
template <class Visit>
void with_storage_type(DType type, Visit visit) {
  switch (type) {
    case DType::f64:
      return visit(double{});
    case DType::f32:
      return visit(float{});
    case DType::f16:
    case DType::bf16:
    case DType::u16:
      return visit(std::uint16_t{});
    case DType::e4m3:
    case DType::e5m2:
    case DType::boolean:
    case DType::u8:
      return visit(std::uint8_t{});
    case DType::i64:
      return visit(std::int64_t{});
    case DType::i32:
      return visit(std::int32_t{});
    case DType::i16:
      return visit(std::int16_t{});
    case DType::i8:
      return visit(std::int8_t{});
    case DType::u64:
      return visit(std::uint64_t{});
    case DType::u32:
      return visit(std::uint32_t{});
    case DType::int4:
      break;
  }
  throw InvalidArgument("dtype", std::string(name(type)), "a type that files hold");
}

template <class Stored>
double number_of(DType type, Stored stored) {
  if (type == DType::boolean) return stored != 0;
  if (std::is_integral_v<Stored> && is_float(type)) return decode(type, static_cast<std::uint64_t>(stored));
  return static_cast<double>(stored);
}

template <class Integer>
Integer nearest_integer(DType type, double value) {
  const double nearest = std::nearbyint(value);
  // Powers of two, hence exact where the largest 64-bit integers are not.
  const double beyond = type == DType::boolean ? 2 : std::ldexp(1, std::numeric_limits<Integer>::digits);
  const double least = static_cast<double>(std::numeric_limits<Integer>::min());
  if (nearest >= least && nearest < beyond) return static_cast<Integer>(nearest);
  throw InvalidArgument("values", fmt::format("{}", value),
                        fmt::format("numbers in the range of {}", name(type)));
}

template <class Stored>
Stored stored_of(DType type, double value) {
  if constexpr (std::is_integral_v<Stored>) {
    if (!is_float(type)) return nearest_integer<Stored>(type, value);
    return static_cast<Stored>(encode(type, value));
  } else {
    return static_cast<Stored>(value);
  }
}

template <class Number>
std::vector<Number> numbers_of(const Tensor& tensor) {
  check_data(tensor);
  std::vector<Number> numbers(static_cast<std::size_t>(*element_count(tensor.shape)));
  with_storage_type(tensor.dtype, [&]<class Stored>(Stored stored) {
    const std::byte* source = tensor.data.data();
    for (Number& number : numbers) {
      std::memcpy(&stored, source, sizeof stored);
      source += sizeof stored;
      number = static_cast<Number>(number_of(tensor.dtype, stored));
    }
  });
  return numbers;
}

template <class Number>
Tensor tensor_of(std::span<const Number> values, std::vector<Index> shape, DType dtype, std::string name) {
  Tensor tensor{{std::move(name), dtype, std::move(shape)}, {}};
  const std::optional<Index> elements = element_count(tensor.shape);
  if (!elements || std::cmp_not_equal(*elements, values.size())) {
    throw InvalidArgument("shape", shape_text(tensor.shape),
                          fmt::format("{} elements in all", values.size()));
  }
  with_storage_type(dtype, [&]<class Stored>(Stored stored) {
    tensor.data.resize(values.size() * sizeof stored);
    std::byte* target = tensor.data.data();
    for (Number value : values) {
      stored = stored_of<Stored>(dtype, value);
      std::memcpy(target, &stored, sizeof stored);
      target += sizeof stored;
    }
  });
  return tensor;
}

}  // namespace

std::optional<Index> element_count(std::span<const Index> shape) {
  Index product = 1;
  bool empty = false;
  for (Index dimension : shape) {
    if (dimension < 0) return {};
    if (dimension == 0)
      empty = true;
    else if (product > std::numeric_limits<Index>::max() / dimension)
      return {};
    else
      product *= dimension;
  }
  return empty ? 0 : product;
}

std::optional<Index> byte_count(const TensorInfo& info) {
  const std::optional<Index> elements = element_count(info.shape);
  if (!elements || info.dtype == DType::int4) return {};
  const Index element_bytes = bits(info.dtype) / 8;
  if (*elements > std::numeric_limits<Index>::max() / element_bytes) return {};
  return *elements * element_bytes;
}

void check_tensors(std::span<const TensorInfo> tensors) {
  if (tensors.empty()) throw InvalidArgument("tensors", "none", "at least one");
  std::set<std::string_view> names;
  for (const TensorInfo& info : tensors) {
    if (info.name.empty() || info.name.find('\0') != std::string::npos) {
      throw InvalidArgument("tensors", "a tensor without a usable name",
                            "names that are not empty, without NUL");
    }
    if (!names.insert(info.name).second)
      throw InvalidArgument("tensors", fmt::format("two named \"{}\"", info.name), "distinct names");
    if (!byte_count(info)) {
      throw InvalidArgument("tensors", fmt::format("{} {}", name(info.dtype), shape_text(info.shape)),
                            "a type that files hold and a size below 2^63 bytes");
    }
  }
}

void check_data(const Tensor& tensor) {
  const std::optional<Index> bytes = byte_count(tensor);
  if (bytes && std::cmp_equal(*bytes, tensor.data.size())) return;
  throw InvalidArgument("tensor", fmt::format("{} bytes", tensor.data.size()),
                        fmt::format("the data of {} {}", name(tensor.dtype), shape_text(tensor.shape)));
}

std::vector<double> Tensor::to_double() const { return numbers_of<double>(*this); }

std::vector<float> Tensor::to_float() const { return numbers_of<float>(*this); }

Tensor Tensor::from(std::span<const double> values, std::vector<Index> shape, DType dtype, std::string name) {
  return tensor_of(values, std::move(shape), dtype, std::move(name));
}

Tensor Tensor::from(std::span<const float> values, std::vector<Index> shape, DType dtype, std::string name) {
  return tensor_of(values, std::move(shape), dtype, std::move(name));
}

}  // namespace attnlab::files
