// Memory of a backend, and attention tensors in it.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "cuda/host/backend.h"
#include "reference/core/tensor.h"

namespace attnlab::cuda {

// Owns an allocation; at least one byte, so that data() is never null. Throws CudaError.
class DeviceMemory {
 public:
  DeviceMemory(Backend backend, std::size_t bytes);
  DeviceMemory(DeviceMemory&& other) noexcept
      : functions_(other.functions_), data_(std::exchange(other.data_, nullptr)), bytes_(other.bytes_) {}
  DeviceMemory& operator=(DeviceMemory&& other) noexcept {
    std::swap(functions_, other.functions_), std::swap(data_, other.data_), std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~DeviceMemory();

  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  void copy_from(const void* host) { functions_->copy_in(data_, host, bytes_); }
  void copy_to(void* host) const { functions_->copy_out(host, data_, bytes_); }
  // Every byte 0xff: a NaN in every type, -1 in integers.
  void poison() { functions_->fill(data_, 0xff, bytes_); }

 private:
  const BackendFunctions* functions_;
  void* data_ = nullptr;
  std::size_t bytes_;
};

// The device's copy of [batch, heads, seqlen, dim], without gaps, in the order of dimensions that the host's
// tensor has. Numbers are rounded to nearest on the way to a narrower type.
class DeviceTensor {
 public:
  // Shape and order of `like`, contents undefined.
  DeviceTensor(Backend backend, DType type, const Tensor& like);

  void copy_from(const Tensor& host);
  void copy_to(const OutputTensor& host) const;
  void poison() { memory_.poison(); }

  template <class T>
  Strided<T> strided() const {
    return {static_cast<T*>(memory_.data()), shape_.batch_stride, shape_.head_stride, shape_.row_stride};
  }

 private:
  Tensor shape_;  // of the device's copy; its data are not used
  DeviceMemory memory_;
};

// A list of numbers, copied; nothing when there are none.
template <class T>
class DeviceList {
 public:
  DeviceList(Backend backend, std::span<const T> values)
      : memory_(backend, values.size_bytes()), empty_(values.empty()) {
    if (!empty_) memory_.copy_from(values.data());
  }
  const T* data() const { return empty_ ? nullptr : static_cast<const T*>(memory_.data()); }

 private:
  DeviceMemory memory_;
  bool empty_;
};

}  // namespace attnlab::cuda
