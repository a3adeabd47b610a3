// cooperative_groups::reduce and its operations.
//
// 32-bit integers are reduced by one instruction of the warp (REDUX), everything else by a butterfly of
// shuffles; every thread of the group gets the result.
#pragma once

#include "../cooperative_groups.h"

namespace attnlab::emulator::builtins {
namespace cooperative_groups {

#define ATTNLAB_OPERATION(name, value)                             \
  template <class T>                                               \
  struct name {                                                    \
    ATTNLAB_BUILTIN T operator()(T a, T b) const { return value; } \
  };
ATTNLAB_OPERATION(plus, a + b)
ATTNLAB_OPERATION(less, b < a ? b : a)
ATTNLAB_OPERATION(greater, a < b ? b : a)
ATTNLAB_OPERATION(bit_and, a& b)
ATTNLAB_OPERATION(bit_or, a | b)
ATTNLAB_OPERATION(bit_xor, a ^ b)
#undef ATTNLAB_OPERATION

namespace details {

template <class T>
inline constexpr bool is_word = std::is_same_v<T, int> || std::is_same_v<T, unsigned>;

template <unsigned Size, class Parent>
constexpr unsigned static_size(const thread_block_tile<Size, Parent>*) {
  return Size;
}
constexpr unsigned static_size(const void*) { return 0; }

}  // namespace details

template <class Group, class T, class Operation>
ATTNLAB_BUILTIN T reduce(const Group& group, T value, Operation operation) {
  const unsigned mask = group.attnlab_mask();
  if constexpr (details::is_word<T> && std::is_same_v<Operation, plus<T>>) {
    return __reduce_add_sync(mask, value);
  } else if constexpr (details::is_word<T> && std::is_same_v<Operation, less<T>>) {
    return __reduce_min_sync(mask, value);
  } else if constexpr (details::is_word<T> && std::is_same_v<Operation, greater<T>>) {
    return __reduce_max_sync(mask, value);
  } else if constexpr (details::is_word<T> && std::is_same_v<Operation, bit_and<T>>) {
    return static_cast<T>(__reduce_and_sync(mask, static_cast<unsigned>(value)));
  } else if constexpr (details::is_word<T> && std::is_same_v<Operation, bit_or<T>>) {
    return static_cast<T>(__reduce_or_sync(mask, static_cast<unsigned>(value)));
  } else if constexpr (details::is_word<T> && std::is_same_v<Operation, bit_xor<T>>) {
    return static_cast<T>(__reduce_xor_sync(mask, static_cast<unsigned>(value)));
  } else {
    constexpr unsigned size = details::static_size(static_cast<const Group*>(nullptr));
    if constexpr (size != 0) {
#pragma GCC unroll 5
      for (unsigned distance = size / 2; distance > 0; distance /= 2)
        value = operation(value, group.shfl_xor(value, distance));
      return value;
    } else {
      // After a step each thread holds the result of twice as many threads from its own rank on.
      const auto threads = static_cast<unsigned>(group.num_threads()),
                 rank = static_cast<unsigned>(group.thread_rank());
      for (unsigned distance = 1; distance < threads; distance *= 2) {
        const T other = group.shfl_down(value, distance);
        if (rank + distance < threads) value = operation(value, other);
      }
      return group.shfl(value, 0);
    }
  }
}

}  // namespace cooperative_groups
}  // namespace attnlab::emulator::builtins
