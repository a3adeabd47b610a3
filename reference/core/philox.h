// Philox-4x32-10, the counter-based generator of Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3"
// (SC 2011). The same (key, counter) gives the same four words on every machine and in any order, which is
// what lets a backward pass, a kernel and a reference redraw one dropout mask instead of storing it.
#pragma once

#include <array>
#include <cstdint>

namespace attnlab {

using Philox4x32 = std::array<std::uint32_t, 4>;

constexpr Philox4x32 philox4x32_10(Philox4x32 counter, std::array<std::uint32_t, 2> key) {
  constexpr std::uint64_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
  constexpr std::uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = kMultiplier0 * counter[0], product1 = kMultiplier1 * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
               static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
               static_cast<std::uint32_t>(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

constexpr std::array<std::uint32_t, 2> philox_key(std::uint64_t seed) {
  return {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)};
}

// Four words, the seed as the key: the form every random tensor of the project is drawn with.
constexpr Philox4x32 philox(std::uint64_t seed, std::uint64_t index, std::uint32_t stream = 0) {
  return philox4x32_10(
      {static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32), stream, 0},
      philox_key(seed));
}

}  // namespace attnlab
