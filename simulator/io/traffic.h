// What an algorithm moves between HBM and SRAM and computes: exact counts.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "reference/core/dtype.h"
#include "reference/core/two_level_memory.h"

namespace attnlab::io {

// Exact at any accepted size: 2^30 queries and keys, heads and batches beside them, leave 64 bits behind.
__extension__ typedef unsigned __int128 Count;

std::string to_string(Count count);

struct Traffic {
  // Elements by HBM tensor (index: Hbm).
  std::array<Count, kHbmCount> loads{}, stores{};
  // Floating-point operations by kind (index: Flop).
  std::array<Count, 3> flops{};
  // The most elements that SRAM held at once.
  Count sram_peak = 0;

  Count& load(Hbm tensor) { return loads[static_cast<std::size_t>(tensor)]; }
  Count& store(Hbm tensor) { return stores[static_cast<std::size_t>(tensor)]; }
  Count load(Hbm tensor) const { return loads[static_cast<std::size_t>(tensor)]; }
  Count store(Hbm tensor) const { return stores[static_cast<std::size_t>(tensor)]; }
  Count& flop(Flop kind) { return flops[static_cast<std::size_t>(kind)]; }
  Count flop(Flop kind) const { return flops[static_cast<std::size_t>(kind)]; }
  Count total_flops() const { return flops[0] + flops[1] + flops[2]; }
  void peak(Count elements) { sram_peak = elements > sram_peak ? elements : sram_peak; }

  // One after the other: counts add, the peak is the larger.
  Traffic& operator+=(const Traffic& other);
  // The same work `times` times, one after the other.
  Traffic times(Count times) const;
  friend bool operator==(const Traffic&, const Traffic&) = default;
};

// Bytes of an element of each tensor. Inputs and gradients of inputs have the problem's type, statistics (m,
// l, lse, delta) are fp32, entries of a block table int32, masks a byte. With fp8 operands everything that a
// kernel computes (O, S, P, gradients) is 16 bits wide, as in FlashAttention-3.
struct ElementSizes {
  explicit ElementSizes(DType type);
  Count operator()(Hbm tensor) const { return bytes[static_cast<std::size_t>(tensor)]; }
  std::array<std::uint8_t, kHbmCount> bytes;
};

struct Bytes {
  Count read = 0, written = 0;
  Count total() const { return read + written; }
};
Bytes bytes(const Traffic& traffic, const ElementSizes& sizes);

// Without the statistics m, l, lse and delta, without block masks and block tables: what the papers' formulas
// count.
Bytes matrix_bytes(const Traffic& traffic, const ElementSizes& sizes);

}  // namespace attnlab::io
