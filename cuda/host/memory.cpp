#include "cuda/host/memory.h"

#include <algorithm>
#include <vector>

#include "reference/core/dtype.h"

namespace attnlab::cuda {
namespace {

Index elements(const Tensor& t) { return extents_of(t).elements(); }

// Memory of the host as the device's copy has it.
std::vector<std::byte> room_for(const Tensor& t) {
  return std::vector<std::byte>(static_cast<std::size_t>(elements(t) * bits(t.dtype) / 8));
}

// Every row from one tensor to another of the same extents, exactly or rounded to the other's type.
void copy_rows(const Tensor& from, const OutputTensor& to) {
  std::vector<double> row(static_cast<std::size_t>(from.dim));
  const MatrixView<double> view{row.data(), 1, from.dim, from.dim};
  for (Index b = 0; b < from.batch; ++b) {
    for (Index h = 0; h < from.heads; ++h) {
      for (Index i = 0; i < from.seqlen; ++i) {
        read(from, b, h, {i, 1}, view);
        write(to, b, h, i, view);
      }
    }
  }
}

}  // namespace

DeviceMemory::DeviceMemory(Backend backend, std::size_t bytes)
    : functions_(&functions(backend)), bytes_(bytes) {
  data_ = functions_->allocate(std::max<std::size_t>(bytes, 1));
}

DeviceMemory::~DeviceMemory() {
  if (data_ != nullptr) functions_->release(data_);
}

DeviceTensor::DeviceTensor(Backend backend, DType type, const Tensor& like)
    : shape_(like.row_stride > like.head_stride
                 ? bshd(nullptr, type, like.batch, like.seqlen, like.heads, like.dim)
                 : bhsd(nullptr, type, like.batch, like.heads, like.seqlen, like.dim)),
      memory_(backend, static_cast<std::size_t>(elements(shape_) * bits(type) / 8)) {}

void DeviceTensor::copy_from(const Tensor& host) {
  if (elements(host) == 0) return;
  std::vector<std::byte> packed = room_for(shape_);
  copy_rows(host, OutputTensor(packed.data(), shape_));
  memory_.copy_from(packed.data());
}

void DeviceTensor::copy_to(const OutputTensor& host) const {
  if (elements(shape_) == 0) return;
  std::vector<std::byte> packed = room_for(shape_);
  memory_.copy_to(packed.data());
  copy_rows(OutputTensor(packed.data(), shape_).read(), host);
}

}  // namespace attnlab::cuda
