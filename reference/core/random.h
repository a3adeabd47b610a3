// Random numbers: the same for a seed and a stream on every machine with the same libm.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

#include "reference/core/philox.h"
#include "reference/core/view.h"

namespace attnlab {

// Two normal numbers from two words (Box and Muller 1958).
struct NormalPair {
  double first, second;
};
inline NormalPair normal_pair(std::uint32_t a, std::uint32_t b) {
  const double radius = std::sqrt(-2 * std::log((a + 0.5) / 4294967296.0));
  const double angle = 2 * std::numbers::pi * b / 4294967296.0;
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

class Random {
 public:
  explicit Random(std::uint64_t seed, std::uint32_t stream = 0) : seed_(seed), stream_(stream) {}

  std::uint32_t word() {
    if (used_ == 4) words_ = philox(seed_, next_++, stream_), used_ = 0;
    return words_[used_++];
  }
  double uniform() { return (word() + 0.5) / 4294967296.0; }  // in (0, 1)
  double between(double low, double high) { return low + (high - low) * uniform(); }
  Index below(Index n) { return static_cast<Index>(word() % static_cast<std::uint64_t>(n)); }
  bool one_in(Index n) { return below(n) == 0; }
  double normal() {  // Box and Muller
    const double radius = std::sqrt(-2 * std::log(uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }

 private:
  std::uint64_t seed_, next_ = 0;
  std::uint32_t stream_;
  Philox4x32 words_{};
  std::size_t used_ = 4;
};

}  // namespace attnlab
