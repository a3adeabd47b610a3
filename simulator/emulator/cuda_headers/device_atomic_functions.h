// atomicAdd and its kin, for the device, a block (_block) and the system (_system).
//
// A GPU does a reduction (RED) instead of an atomic when the result is not used. A header cannot see that:
// the kernel's translation gives calls whose result is dropped the prefix attnlab_unused_. The only
// difference is how they count.
#pragma once

#include "host_defines.h"
#include "simulator/emulator/builtins/atomics.h"
#include "vector_types.h"

namespace attnlab::emulator::builtins {

// One function for each scope, and each again for a dropped result.
#define ATTNLAB_ATOMIC_NAMES(name, T, call)                                                               \
  ATTNLAB_BUILTIN T name(T* address, T value) { return calls::call(address, value, true); }               \
  ATTNLAB_BUILTIN T name##_block(T* address, T value) { return calls::call(address, value, true); }       \
  ATTNLAB_BUILTIN T name##_system(T* address, T value) { return calls::call(address, value, true); }      \
  ATTNLAB_BUILTIN void attnlab_unused_##name(T* address, T value) { calls::call(address, value, false); } \
  ATTNLAB_BUILTIN void attnlab_unused_##name##_block(T* address, T value) {                               \
    calls::call(address, value, false);                                                                   \
  }                                                                                                       \
  ATTNLAB_BUILTIN void attnlab_unused_##name##_system(T* address, T value) {                              \
    calls::call(address, value, false);                                                                   \
  }

ATTNLAB_ATOMIC_NAMES(atomicAdd, int, atomic_add)
ATTNLAB_ATOMIC_NAMES(atomicAdd, unsigned, atomic_add)
ATTNLAB_ATOMIC_NAMES(atomicAdd, unsigned long long, atomic_add)
ATTNLAB_ATOMIC_NAMES(atomicAdd, unsigned long, atomic_add)
ATTNLAB_ATOMIC_NAMES(atomicAdd, float, atomic_add)
ATTNLAB_ATOMIC_NAMES(atomicAdd, double, atomic_add)
ATTNLAB_ATOMIC_NAMES(atomicExch, int, atomic_exchange)
ATTNLAB_ATOMIC_NAMES(atomicExch, unsigned, atomic_exchange)
ATTNLAB_ATOMIC_NAMES(atomicExch, unsigned long long, atomic_exchange)
ATTNLAB_ATOMIC_NAMES(atomicExch, float, atomic_exchange)

#define ATTNLAB_INTEGER_ATOMICS(T)               \
  ATTNLAB_ATOMIC_NAMES(atomicMin, T, atomic_min) \
  ATTNLAB_ATOMIC_NAMES(atomicMax, T, atomic_max) \
  ATTNLAB_ATOMIC_NAMES(atomicAnd, T, atomic_and) \
  ATTNLAB_ATOMIC_NAMES(atomicOr, T, atomic_or)   \
  ATTNLAB_ATOMIC_NAMES(atomicXor, T, atomic_xor)
ATTNLAB_INTEGER_ATOMICS(int)
ATTNLAB_INTEGER_ATOMICS(unsigned)
ATTNLAB_INTEGER_ATOMICS(unsigned long long)
ATTNLAB_ATOMIC_NAMES(atomicMin, long long, atomic_min)
ATTNLAB_ATOMIC_NAMES(atomicMax, long long, atomic_max)
#undef ATTNLAB_INTEGER_ATOMICS

ATTNLAB_ATOMIC_NAMES(atomicInc, unsigned, atomic_increment)
ATTNLAB_ATOMIC_NAMES(atomicDec, unsigned, atomic_decrement)

ATTNLAB_ATOMIC_NAMES(atomicSub, int, atomic_subtract)
ATTNLAB_ATOMIC_NAMES(atomicSub, unsigned, atomic_subtract)
#undef ATTNLAB_ATOMIC_NAMES

#define ATTNLAB_COMPARE_AND_SWAP(T)                                     \
  ATTNLAB_BUILTIN T atomicCAS(T* address, T expected, T value) {        \
    return calls::atomic_compare_exchange(address, expected, value);    \
  }                                                                     \
  ATTNLAB_BUILTIN T atomicCAS_block(T* address, T expected, T value) {  \
    return calls::atomic_compare_exchange(address, expected, value);    \
  }                                                                     \
  ATTNLAB_BUILTIN T atomicCAS_system(T* address, T expected, T value) { \
    return calls::atomic_compare_exchange(address, expected, value);    \
  }
ATTNLAB_COMPARE_AND_SWAP(int)
ATTNLAB_COMPARE_AND_SWAP(unsigned)
ATTNLAB_COMPARE_AND_SWAP(unsigned long long)
ATTNLAB_COMPARE_AND_SWAP(unsigned short)
#undef ATTNLAB_COMPARE_AND_SWAP

// Vectors of floats (compute capability 9.0).
ATTNLAB_BUILTIN float2 atomicAdd(float2* address, float2 value) {
  const calls::Floats old = calls::atomic_add_floats(&address->x, {{value.x, value.y, 0, 0}}, 2, true);
  return {old.element[0], old.element[1]};
}
ATTNLAB_BUILTIN float4 atomicAdd(float4* address, float4 value) {
  const calls::Floats old =
      calls::atomic_add_floats(&address->x, {{value.x, value.y, value.z, value.w}}, 4, true);
  return {old.element[0], old.element[1], old.element[2], old.element[3]};
}
ATTNLAB_BUILTIN void attnlab_unused_atomicAdd(float2* address, float2 value) {
  calls::atomic_add_floats(&address->x, {{value.x, value.y, 0, 0}}, 2, false);
}
ATTNLAB_BUILTIN void attnlab_unused_atomicAdd(float4* address, float4 value) {
  calls::atomic_add_floats(&address->x, {{value.x, value.y, value.z, value.w}}, 4, false);
}

}  // namespace attnlab::emulator::builtins
