#include "simulator/io/traffic.h"

#include <algorithm>

#include "reference/core/errors.h"

namespace attnlab::io {

std::string to_string(Count count) {
  std::string digits;
  do digits += static_cast<char>('0' + static_cast<int>(count % 10));
  while ((count /= 10) != 0);
  std::reverse(digits.begin(), digits.end());
  return digits;
}

Traffic& Traffic::operator+=(const Traffic& other) {
  for (std::size_t t = 0; t < kHbmCount; ++t) {
    loads[t] += other.loads[t];
    stores[t] += other.stores[t];
  }
  for (std::size_t kind = 0; kind < flops.size(); ++kind) flops[kind] += other.flops[kind];
  peak(other.sram_peak);
  return *this;
}

Traffic Traffic::times(Count times) const {
  if (times == 0) return {};
  Traffic result = *this;
  for (auto* counts : {&result.loads, &result.stores}) {
    for (Count& count : *counts) count *= times;
  }
  for (Count& count : result.flops) count *= times;
  return result;
}

ElementSizes::ElementSizes(DType type) {
  if (!is_float(type)) throw InvalidArgument("dtype", std::string(name(type)), "a floating-point type");
  const auto size = static_cast<std::uint8_t>(bits(type) / 8);
  bytes.fill(std::max<std::uint8_t>(size, 2));
  const auto set = [&](std::initializer_list<Hbm> tensors, std::uint8_t value) {
    for (Hbm tensor : tensors) bytes[static_cast<std::size_t>(tensor)] = value;
  };
  set({Hbm::Q, Hbm::K, Hbm::V, Hbm::dO, Hbm::c_kv, Hbm::k_rope, Hbm::W_UK, Hbm::W_UV, Hbm::x}, size);
  set({Hbm::m, Hbm::l, Hbm::lse, Hbm::delta, Hbm::block_table}, 4);
  set({Hbm::mask, Hbm::dropout_mask, Hbm::block_mask}, 1);
}

Bytes bytes(const Traffic& traffic, const ElementSizes& sizes) {
  Bytes total;
  for (std::size_t t = 0; t < kHbmCount; ++t) {
    total.read += traffic.loads[t] * sizes.bytes[t];
    total.written += traffic.stores[t] * sizes.bytes[t];
  }
  return total;
}

Bytes matrix_bytes(const Traffic& traffic, const ElementSizes& sizes) {
  Traffic matrices = traffic;
  for (Hbm tensor : {Hbm::m, Hbm::l, Hbm::lse, Hbm::delta, Hbm::block_mask, Hbm::block_table}) {
    matrices.load(tensor) = 0;
    matrices.store(tensor) = 0;
  }
  return bytes(matrices, sizes);
}

}  // namespace attnlab::io
