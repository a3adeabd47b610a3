// Loads and stores with a cache hint: __ldg, __ldcg, __stcg and the like. The emulator's caches treat them as
// plain ones, and count them as accesses of the user's line.
#pragma once

#include "host_defines.h"

namespace attnlab::simt::builtins {

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

ATTNLAB_LOAD(__ldg)
ATTNLAB_LOAD(__ldca)
ATTNLAB_LOAD(__ldcg)
ATTNLAB_LOAD(__ldcs)
ATTNLAB_LOAD(__ldlu)
ATTNLAB_LOAD(__ldcv)
ATTNLAB_STORE(__stwb)
ATTNLAB_STORE(__stcg)
ATTNLAB_STORE(__stcs)
ATTNLAB_STORE(__stwt)
#undef ATTNLAB_LOAD
#undef ATTNLAB_STORE

}  // namespace attnlab::simt::builtins
