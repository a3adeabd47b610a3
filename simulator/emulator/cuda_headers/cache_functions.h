// Loads and stores with a cache hint: __ldg, __ldcg, __stcg and the like, accesses of the user's line.
// __ldcg and __ldcv bypass the L1; the emulator treats the others as plain accesses.
#pragma once

#include <cstdint>
#include <type_traits>

#include "host_defines.h"

namespace attnlab::emulator::builtins {

#define ATTNLAB_LOAD(name)                   \
  template <class T>                         \
  ATTNLAB_BUILTIN T name(const T* address) { \
    return *address;                         \
  }
#define ATTNLAB_STORE(name)                        \
  template <class T, class V>                      \
  ATTNLAB_BUILTIN void name(T* address, V value) { \
    *address = value;                              \
  }

// A volatile load bypasses the L1, on a GPU and in the emulator. As one number: a volatile
// structure would be loaded member by member.
#define ATTNLAB_LOAD_BYPASSING_L1(name)                                                    \
  template <class T>                                                                       \
  ATTNLAB_BUILTIN T name(const T* address) {                                               \
    using Number [[gnu::may_alias]] = NumberOf<sizeof(T)>;                                 \
    const NumberOf<sizeof(T)> number = *reinterpret_cast<const volatile Number*>(address); \
    return __builtin_bit_cast(T, number);                                                  \
  }

template <unsigned bytes>
using NumberOf = std::conditional_t<
    bytes == 16, unsigned __int128,
    std::conditional_t<bytes == 8, std::uint64_t,
                       std::conditional_t<bytes == 4, std::uint32_t,
                                          std::conditional_t<bytes == 2, std::uint16_t, std::uint8_t>>>>;

ATTNLAB_LOAD(__ldg)
ATTNLAB_LOAD(__ldca)
ATTNLAB_LOAD_BYPASSING_L1(__ldcg)
ATTNLAB_LOAD(__ldcs)
ATTNLAB_LOAD(__ldlu)
ATTNLAB_LOAD_BYPASSING_L1(__ldcv)
ATTNLAB_STORE(__stwb)
ATTNLAB_STORE(__stcg)
ATTNLAB_STORE(__stcs)
ATTNLAB_STORE(__stwt)
#undef ATTNLAB_LOAD
#undef ATTNLAB_LOAD_BYPASSING_L1
#undef ATTNLAB_STORE

}  // namespace attnlab::emulator::builtins
