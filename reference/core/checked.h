// Exact arithmetic on sizes: a result that does not fit 64 bits is refused, never wrapped.
#pragma once

#include <cstdint>
#include <string>

#include "reference/core/errors.h"

namespace attnlab {

// a * b and a + b. Throw InvalidArgument(what, ...) at 2^64 and beyond.
inline std::uint64_t checked_multiply(std::uint64_t a, std::uint64_t b, const char* what) {
  std::uint64_t result = 0;
  if (__builtin_mul_overflow(a, b, &result)) {
    throw InvalidArgument(what, std::to_string(a) + " x " + std::to_string(b), "a size below 2^64");
  }
  return result;
}

inline std::uint64_t checked_add(std::uint64_t a, std::uint64_t b, const char* what) {
  std::uint64_t result = 0;
  if (__builtin_add_overflow(a, b, &result)) {
    throw InvalidArgument(what, std::to_string(a) + " + " + std::to_string(b), "a size below 2^64");
  }
  return result;
}

// a / b rounded up, b > 0.
constexpr std::uint64_t divide_up(std::uint64_t a, std::uint64_t b) { return a / b + (a % b != 0 ? 1 : 0); }

}  // namespace attnlab
