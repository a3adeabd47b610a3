#include "cuda/host/memory.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "reference/core/dtype.h"

namespace attnlab::cuda {
namespace {

std::size_t elements(const TensorView<const float>& t) {
  return static_cast<std::size_t>(t.batch * t.heads * t.seqlen * t.dim);
}

// visit(offset on the device, offset on the host) for every element.
template <class Visit>
void for_each_element(const TensorView<const float>& device, const TensorView<const float>& host,
                      Visit visit) {
  for (Index b = 0; b < host.batch; ++b) {
    for (Index h = 0; h < host.heads; ++h) {
      for (Index i = 0; i < host.seqlen; ++i) {
        const Index to = b * device.batch_stride + h * device.head_stride + i * device.row_stride;
        const Index from = b * host.batch_stride + h * host.head_stride + i * host.row_stride;
        for (Index c = 0; c < host.dim; ++c)
          visit(static_cast<std::size_t>(to + c), static_cast<std::size_t>(from + c));
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

DeviceTensor::DeviceTensor(Backend backend, DType type, const TensorView<const float>& like)
    : type_(type),
      shape_(like.row_stride > like.head_stride
                 ? bshd<const float>(nullptr, like.batch, like.seqlen, like.heads, like.dim)
                 : bhsd<const float>(nullptr, like.batch, like.heads, like.seqlen, like.dim)),
      memory_(backend, elements(like) * static_cast<std::size_t>(bits(type) / 8)) {}

void DeviceTensor::copy_from(const TensorView<const float>& host) {
  if (elements(host) == 0) return;
  if (type_ == DType::f32) {
    std::vector<float> packed(elements(host));
    for_each_element(shape_, host, [&](std::size_t to, std::size_t from) { packed[to] = host.data[from]; });
    memory_.copy_from(packed.data());
  } else {
    const auto size = static_cast<std::size_t>(bits(type_) / 8);
    std::vector<std::uint8_t> packed(elements(host) * size);
    for_each_element(shape_, host, [&](std::size_t to, std::size_t from) {
      const std::uint64_t pattern = encode(type_, static_cast<double>(host.data[from]));
      std::memcpy(packed.data() + to * size, &pattern, size);  // the low bytes
    });
    memory_.copy_from(packed.data());
  }
}

void DeviceTensor::copy_to(const TensorView<float>& host) const {
  if (elements(host) == 0) return;
  if (type_ == DType::f32) {
    std::vector<float> packed(elements(host));
    memory_.copy_to(packed.data());
    for_each_element(shape_, host, [&](std::size_t from, std::size_t to) { host.data[to] = packed[from]; });
  } else {
    const auto size = static_cast<std::size_t>(bits(type_) / 8);
    std::vector<std::uint8_t> packed(elements(host) * size);
    memory_.copy_to(packed.data());
    for_each_element(shape_, host, [&](std::size_t from, std::size_t to) {
      std::uint64_t pattern = 0;
      std::memcpy(&pattern, packed.data() + from * size, size);
      host.data[to] = static_cast<float>(decode(type_, pattern));
    });
  }
}

}  // namespace attnlab::cuda
