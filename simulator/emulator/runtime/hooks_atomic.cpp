// What the compiler calls for std::atomic and the __atomic builtins in an instrumented kernel: the operation
// itself, and its record as an atomic access. Host code of the same file comes here too and leaves no record.
#include <cstdint>

#include "simulator/emulator/device_calls.h"

namespace {

// Orders are not told apart: sequential consistency includes them all.
constexpr int kOrder = __ATOMIC_SEQ_CST;

void note(const volatile void* address, unsigned bytes, const void* site) {
  if (attnlab::emulator::on_device())
    attnlab::emulator::record_atomic(const_cast<const void*>(address), bytes, true, site);
}

}  // namespace

#define ATTNLAB_FETCH(bits, type, name, builtin)                           \
  type __tsan_atomic##bits##_fetch_##name(volatile type* a, type v, int) { \
    note(a, sizeof(type), __builtin_return_address(0));                    \
    return builtin(a, v, kOrder);                                          \
  }
#define ATTNLAB_ATOMICS(bits, type)                                                                \
  type __tsan_atomic##bits##_load(const volatile type* a, int) {                                   \
    note(a, sizeof(type), __builtin_return_address(0));                                            \
    return __atomic_load_n(a, kOrder);                                                             \
  }                                                                                                \
  void __tsan_atomic##bits##_store(volatile type* a, type v, int) {                                \
    note(a, sizeof(type), __builtin_return_address(0));                                            \
    __atomic_store_n(a, v, kOrder);                                                                \
  }                                                                                                \
  type __tsan_atomic##bits##_exchange(volatile type* a, type v, int) {                             \
    note(a, sizeof(type), __builtin_return_address(0));                                            \
    return __atomic_exchange_n(a, v, kOrder);                                                      \
  }                                                                                                \
  int __tsan_atomic##bits##_compare_exchange_strong(volatile type* a, type* c, type v, int, int) { \
    note(a, sizeof(type), __builtin_return_address(0));                                            \
    return __atomic_compare_exchange_n(a, c, v, false, kOrder, kOrder);                            \
  }                                                                                                \
  int __tsan_atomic##bits##_compare_exchange_weak(volatile type* a, type* c, type v, int, int) {   \
    note(a, sizeof(type), __builtin_return_address(0));                                            \
    return __atomic_compare_exchange_n(a, c, v, false, kOrder, kOrder);                            \
  }                                                                                                \
  type __tsan_atomic##bits##_compare_exchange_val(volatile type* a, type c, type v, int, int) {    \
    note(a, sizeof(type), __builtin_return_address(0));                                            \
    __atomic_compare_exchange_n(a, &c, v, false, kOrder, kOrder);                                  \
    return c;                                                                                      \
  }                                                                                                \
  ATTNLAB_FETCH(bits, type, add, __atomic_fetch_add)                                               \
  ATTNLAB_FETCH(bits, type, sub, __atomic_fetch_sub)                                               \
  ATTNLAB_FETCH(bits, type, and, __atomic_fetch_and)                                               \
  ATTNLAB_FETCH(bits, type, or, __atomic_fetch_or)                                                 \
  ATTNLAB_FETCH(bits, type, xor, __atomic_fetch_xor)                                               \
  ATTNLAB_FETCH(bits, type, nand, __atomic_fetch_nand)

extern "C" {
ATTNLAB_ATOMICS(8, std::uint8_t)
ATTNLAB_ATOMICS(16, std::uint16_t)
ATTNLAB_ATOMICS(32, std::uint32_t)
ATTNLAB_ATOMICS(64, std::uint64_t)
void __tsan_atomic_thread_fence(int) { __atomic_thread_fence(kOrder); }
void __tsan_atomic_signal_fence(int) {}
}
#undef ATTNLAB_ATOMICS
#undef ATTNLAB_FETCH
