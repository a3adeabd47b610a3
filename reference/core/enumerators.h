// Lists that are enumerations: the enumerators of E count from 0 up to E::end, which stands for none of them.
// What belongs to an enumerator is a template's specialisation for it, so that what is missing does not
// compile.
#pragma once

#include <array>
#include <cstddef>
#include <stdexcept>
#include <utility>

namespace attnlab {

template <class E>
inline constexpr std::size_t kEnumerators = static_cast<std::size_t>(E::end);

// From a value of run time to a constant: calls body.operator()<kValue>() with the constant equal to value.
template <class E, E kValue = E{}, class Body>
auto with_enumerator(E value, Body&& body) -> decltype(body.template operator()<kValue>()) {
  if (value == kValue) return body.template operator()<kValue>();
  constexpr E kNext = static_cast<E>(static_cast<std::size_t>(kValue) + 1);
  if constexpr (kNext == E::end) {
    throw std::logic_error("a value that is no enumerator");
  } else {
    return with_enumerator<E, kNext>(value, body);
  }
}

// {body.operator()<kValue>() for every enumerator}.
template <class E, class Body>
constexpr auto for_every_enumerator(Body body) {
  return [&]<std::size_t... kIndex>(std::index_sequence<kIndex...>) {
    return std::array{body.template operator()<static_cast<E>(kIndex)>()...};
  }
  (std::make_index_sequence<kEnumerators<E>>());
}

}  // namespace attnlab
