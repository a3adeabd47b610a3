// Random numbers for the memory models: Marsaglia's xorshift, always the same sequence, so that a replay can
// be repeated.
#pragma once

#include <cstdint>

namespace attnlab::memory {

class RandomBits {
 public:
  // The next 24 bits.
  std::uint32_t operator()() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    return state_ >> 8;
  }

 private:
  std::uint32_t state_ = 2463534242;
};

}  // namespace attnlab::memory
