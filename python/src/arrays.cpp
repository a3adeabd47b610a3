#include "python/src/arrays.h"

#include <nanobind/stl/string.h>

#include <array>
#include <memory>
#include <utility>

#include "reference/core/errors.h"

namespace attnlab::python {
namespace {

namespace dl = nb::dlpack;

struct Code {
  DType dtype;
  dl::dtype_code code;
};
constexpr Code kCodes[] = {
    {DType::f64, dl::dtype_code::Float},          {DType::f32, dl::dtype_code::Float},
    {DType::f16, dl::dtype_code::Float},          {DType::bf16, dl::dtype_code::Bfloat},
    {DType::e4m3, dl::dtype_code::Float8_E4M3FN}, {DType::e5m2, dl::dtype_code::Float8_E5M2}};

bool has(dl::dtype type, dl::dtype_code code, int bits) {
  return type.code == static_cast<std::uint8_t>(code) && type.bits == bits && type.lanes == 1;
}

std::string described(dl::dtype type) {
  return "elements of DLPack code " + std::to_string(type.code) + " and " + std::to_string(type.bits) +
         " bits";
}

DType dtype_of(const std::string& argument, dl::dtype type, const std::string& name) {
  if (!name.empty()) {
    const DType dtype = parse_dtype(name);
    if (type.bits != bits(dtype)) {
      throw InvalidArgument(argument, described(type), std::to_string(bits(dtype)) + " bits for " + name);
    }
    return dtype;
  }
  for (const Code& code : kCodes) {
    if (has(type, code.code, bits(code.dtype))) return code.dtype;
  }
  throw InvalidArgument(argument, described(type), "fp64, fp32, fp16, bf16, fp8_e4m3 or fp8_e5m2");
}

void require_host(const std::string& argument, const Array& array) {
  const int device = array.device_type();
  if (device != nb::device::cpu::value && device != nb::device::cuda_host::value) {
    throw InvalidArgument(argument, "an array on DLPack device " + std::to_string(device),
                          "one in the host's memory");
  }
}

Array imported(const std::string& argument, nb::handle value) {
  Array array;
  if (!nb::try_cast(value, array) || !array.is_valid()) {
    throw InvalidArgument(argument, nb::cast<std::string>(nb::str(value.type())),
                          "an array: numpy, or anything with __dlpack__");
  }
  require_host(argument, array);
  return array;
}

// Extents and strides right-aligned in four dimensions; missing ones have extent 1 and stride 0.
struct FourD {
  std::array<Index, 4> extent{1, 1, 1, 1}, stride{0, 0, 0, 0};
};

FourD four_d(const std::string& argument, const Array& array, std::size_t least, std::size_t most) {
  if (array.ndim() < least || array.ndim() > most) {
    throw InvalidArgument(argument, std::to_string(array.ndim()) + " dimensions",
                          std::to_string(least) + " to " + std::to_string(most));
  }
  FourD result;
  const std::size_t missing = 4 - array.ndim();
  for (std::size_t n = 0; n < array.ndim(); ++n) {
    result.extent[missing + n] = static_cast<Index>(array.shape(n));
    result.stride[missing + n] = array.stride(n);
  }
  return result;
}

// Arrays without elements may have no memory; "no data" means absent to the oracle.
const void* data_of(const Array& array) {
  static const double nothing = 0;
  return array.data() == nullptr ? &nothing : array.data();
}

template <class T>
BroadcastView<T> broadcast_of(const std::string& argument, const Array& array) {
  const FourD d = four_d(argument, array, 0, 4);
  const auto stride = [&](std::size_t n) { return d.extent[n] == 1 ? 0 : d.stride[n]; };
  return {static_cast<const T*>(data_of(array)),
          d.extent[0],
          d.extent[1],
          d.extent[2],
          d.extent[3],
          stride(0),
          stride(1),
          stride(2),
          stride(3)};
}

nb::object borrowed(void* data, DType dtype, std::size_t dimensions, const std::array<std::size_t, 4>& shape,
                    const std::array<std::int64_t, 4>& strides) {
  if (data == nullptr) return nb::none();
  for (const Code& code : kCodes) {
    if (code.dtype != dtype) continue;
    const bool native = code.code == dl::dtype_code::Float;
    const dl::dtype type{static_cast<std::uint8_t>(native ? dl::dtype_code::Float : dl::dtype_code::UInt),
                         static_cast<std::uint8_t>(bits(dtype)), 1};
    nb::ndarray<nb::numpy> array(data, dimensions, shape.data(), nb::handle(), strides.data(), type,
                                 nb::device::cpu::value);
    return nb::make_tuple(nb::cast(array, nb::rv_policy::reference), std::string(name(dtype)));
  }
  throw InvalidArgument("dtype", std::string(name(dtype)), "a floating-point type");
}

std::size_t size(Index extent) { return static_cast<std::size_t>(extent); }

}  // namespace

Layout parse_layout(const std::string& text) {
  if (text == "bhsd") return Layout::bhsd;
  if (text == "bshd") return Layout::bshd;
  throw InvalidArgument("layout", "'" + text + "'", "'bhsd' (PyTorch) or 'bshd' (FlashAttention)");
}

TypedArray typed_array(const std::string& argument, nb::handle value) {
  const auto pair = nb::cast<nb::tuple>(value);
  TypedArray typed{argument, imported(argument, pair[0]), DType::f32};
  typed.dtype = dtype_of(argument, typed.array.dtype(), nb::cast<std::string>(pair[1]));
  return typed;
}

Tensor tensor_of(const TypedArray& typed, Layout layout) {
  const FourD d = four_d(typed.argument, typed.array, 2, 4);
  // One head alone, [seqlen, dim], is the same in both layouts.
  const bool swapped = layout == Layout::bshd && typed.array.ndim() > 2;
  const std::size_t heads = swapped ? 2 : 1, rows = swapped ? 1 : 2;
  Tensor tensor;
  tensor.data = data_of(typed.array);
  tensor.dtype = typed.dtype;
  tensor.batch = d.extent[0];
  tensor.heads = d.extent[heads];
  tensor.seqlen = d.extent[rows];
  tensor.dim = d.extent[3];
  tensor.batch_stride = d.stride[0];
  tensor.head_stride = d.stride[heads];
  tensor.row_stride = d.stride[rows];
  tensor.dim_stride = d.stride[3];
  return tensor;
}

Tensor lse_of(const TypedArray& typed) {
  const FourD d = four_d(typed.argument, typed.array, 1, 3);
  Tensor tensor;
  tensor.data = data_of(typed.array);
  tensor.dtype = typed.dtype;
  tensor.batch = d.extent[1];
  tensor.heads = d.extent[2];
  tensor.seqlen = d.extent[3];
  tensor.dim = 1;
  tensor.batch_stride = d.stride[1];
  tensor.head_stride = d.stride[2];
  tensor.row_stride = d.stride[3];
  return tensor;
}

BroadcastView<std::uint8_t> mask_of(const std::string& argument, const Array& array) {
  require_host(argument, array);
  if (!has(array.dtype(), dl::dtype_code::Bool, 8) && !has(array.dtype(), dl::dtype_code::UInt, 8)) {
    throw InvalidArgument(argument, described(array.dtype()), "bool or uint8");
  }
  return broadcast_of<std::uint8_t>(argument, array);
}

BroadcastView<float> floats_of(const std::string& argument, const Array& array) {
  require_host(argument, array);
  if (!has(array.dtype(), dl::dtype_code::Float, 32)) {
    throw InvalidArgument(argument, described(array.dtype()), "float32");
  }
  return broadcast_of<float>(argument, array);
}

template <class T>
nb::object numpy_of(std::vector<T> values, Index batch, Index heads, Index rows, Index dim) {
  auto owned = std::make_unique<std::vector<T>>(std::move(values));
  if (owned->empty()) owned->resize(1);  // numpy wants an address even of nothing
  T* data = owned->data();
  nb::capsule owner(owned.get(), [](void* vector) noexcept { delete static_cast<std::vector<T>*>(vector); });
  owned.release();
  const std::size_t shape[] = {size(batch), size(heads), size(rows), size(dim)};
  return nb::cast(nb::ndarray<nb::numpy, T>(data, dim == 0 ? 3 : 4, shape, owner));
}
template nb::object numpy_of(std::vector<double>, Index, Index, Index, Index);
template nb::object numpy_of(std::vector<float>, Index, Index, Index, Index);
template nb::object numpy_of(std::vector<std::uint8_t>, Index, Index, Index, Index);

nb::object borrowed(const Tensor& t, std::size_t dimensions) {
  // Inputs can be written to by a kernel that is wrong; the exact checks look whether it did.
  return borrowed(const_cast<void*>(t.data), t.dtype, dimensions,
                  {size(t.batch), size(t.heads), size(t.seqlen), size(t.dim)},
                  {t.batch_stride, t.head_stride, t.row_stride, t.dim_stride});
}

nb::object borrowed(const OutputTensor& t, std::size_t dimensions) {
  return borrowed(t.data, t.dtype, dimensions, {size(t.batch), size(t.heads), size(t.seqlen), size(t.dim)},
                  {t.batch_stride, t.head_stride, t.row_stride, 1});
}

}  // namespace attnlab::python
