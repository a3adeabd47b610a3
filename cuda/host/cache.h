// K or V of a problem in a backend's memory: row after row in the problem's type, or as the host has them, in pages and
// in 8 bits with factors.
#pragma once

#include <cstdint>
#include <vector>

#include "cuda/host/memory.h"

namespace attnlab::cuda {

// Throws InvalidArgument unless K and V are of one type and in the same pages, as decode kernels have them.
void require_one_cache(const Tensor& k, const Tensor& v);

class DeviceCache {
 public:
  // Copies the numbers. as_given: all pages, those that no sequence uses too, and the factors apart.
  DeviceCache(Backend backend, DType type, const Tensor& host, bool as_given);

  Strided<const void> strided() const { return numbers_.strided<const void>(); }
  DType type() const { return type_; }
  CacheScales scales() const;
  const int* block_table() const { return block_table_.data(); }
  std::int64_t pages_a_sequence() const { return pages_a_sequence_; }

 private:
  DType type_;
  DeviceTensor numbers_;
  DeviceList<int> block_table_;
  std::int64_t pages_a_sequence_ = 0;
  Tensor shape_;  // the factors' extents
  DeviceList<float> factors_;
};

}  // namespace attnlab::cuda
