// Directed roundings: reading them from modifiers, and computing with them.
#pragma once

#include <cfenv>
#include <optional>

#include "simulator/emulator/ptx/builder.h"
#include "simulator/emulator/ptx/numbers.h"

namespace attnlab::emulator::ptx {

inline std::optional<Rounding> rounding_named(std::string_view name) {
  if (name == "rn") return Rounding::nearest_even;
  if (name == "rz") return Rounding::toward_zero;
  if (name == "rm") return Rounding::down;
  if (name == "rp") return Rounding::up;
  return std::nullopt;
}
inline std::optional<Rounding> take_rounding(Modifiers& m) {
  return rounding_named(m.take_one({"rn", "rz", "rm", "rp"}));
}

// f(a, b, c) with the processor rounding that way. The volatile copies keep the compiler from computing
// outside of the two switches.
template <class F, class T>
[[gnu::noinline]] T rounded(Rounding rounding, F f, T a, T b, T c) {
  const int before = std::fegetround();
  std::fesetround(rounding == Rounding::toward_zero ? FE_TOWARDZERO
                  : rounding == Rounding::down      ? FE_DOWNWARD
                  : rounding == Rounding::up        ? FE_UPWARD
                                                    : FE_TONEAREST);
  volatile T x = a, y = b, z = c;
  volatile T result = f(x, y, z);
  std::fesetround(before);
  return result;
}

}  // namespace attnlab::emulator::ptx
