// Barriers of a block, fences, clocks, address spaces, traps.
#pragma once

#include <cstddef>

#include "host_defines.h"
#include "simulator/emulator/builtins/threads.h"

namespace attnlab::emulator::builtins {

ATTNLAB_BUILTIN void __syncthreads() { calls::sync_threads(); }
ATTNLAB_BUILTIN int __syncthreads_count(int predicate) { return calls::sync_threads_count(predicate); }
ATTNLAB_BUILTIN int __syncthreads_and(int predicate) { return calls::sync_threads_and(predicate); }
ATTNLAB_BUILTIN int __syncthreads_or(int predicate) { return calls::sync_threads_or(predicate); }

ATTNLAB_BUILTIN void __threadfence_block() { calls::fence(); }
ATTNLAB_BUILTIN void __threadfence() { calls::fence(); }
ATTNLAB_BUILTIN void __threadfence_system() { calls::fence(); }

// Lets other threads run; no time passes.
ATTNLAB_BUILTIN void __nanosleep(unsigned) { calls::sleep(); }
[[noreturn]] ATTNLAB_BUILTIN void __trap() { calls::stop_by_trap(); }
ATTNLAB_BUILTIN void __brkpt() { calls::stop_by_trap(); }
ATTNLAB_BUILTIN void __prof_trigger(int) {}

// Rising counters without a meaning as time. (The name clock() is the C library's, which measures the host.)
ATTNLAB_BUILTIN long long clock64() { return static_cast<long long>(calls::clock_ticks()); }
ATTNLAB_BUILTIN unsigned long long __globaltimer() { return calls::global_timer(); }

ATTNLAB_BUILTIN unsigned __isGlobal(const void* p) { return calls::is_global(p); }
ATTNLAB_BUILTIN unsigned __isShared(const void* p) { return calls::is_shared(p); }
ATTNLAB_BUILTIN unsigned __isConstant(const void* p) { return calls::is_constant(p); }
ATTNLAB_BUILTIN unsigned __isLocal(const void* p) { return calls::is_local(p); }
ATTNLAB_BUILTIN unsigned __isGridConstant(const void* p) { return calls::is_local(p); }

// The offset of an address of shared memory in its window, and back; global addresses are generic ones.
ATTNLAB_BUILTIN std::size_t __cvta_generic_to_shared(const void* p) { return calls::shared_offset_of(p); }
ATTNLAB_BUILTIN void* __cvta_shared_to_generic(std::size_t offset) {
  return calls::shared_address_at(offset);
}
ATTNLAB_BUILTIN std::size_t __cvta_generic_to_global(const void* p) {
  return reinterpret_cast<std::size_t>(p);
}
ATTNLAB_BUILTIN void* __cvta_global_to_generic(std::size_t p) { return reinterpret_cast<void*>(p); }

#define __builtin_assume(condition)            \
  do {                                         \
    if (!(condition)) __builtin_unreachable(); \
  } while (false)
#define __nv_assume_aligned __builtin_assume_aligned

}  // namespace attnlab::emulator::builtins
