// A choice as one value: see translate/choices.cpp.
#pragma once

namespace attnlab::emulator::translate {

template <class T>
[[gnu::always_inline]] constexpr T choice(T value) {
  return value;
}

}  // namespace attnlab::emulator::translate
