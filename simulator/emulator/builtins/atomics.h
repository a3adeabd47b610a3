// Atomics behind cuda_headers/device_atomic_functions.h: each is recorded as one atomic access of the
// instruction that calls it, then done. returns: whether the program uses the result; without it the GPU does
// a reduction (RED), which counts apart.
//
// All scopes are the system's. Orders are sequentially consistent, which is more than CUDA's relaxed ones
// promise.
#pragma once

#include <cstddef>
#include <cstdint>

#include "simulator/emulator/builtins/halves.h"

namespace attnlab::emulator::calls {

// T: int, unsigned, long, unsigned long, long long, unsigned long long; add, exchange and load/store also
// float and double.
template <class T>
T atomic_add(T* address, T value, bool returns);
// int and unsigned.
template <class T>
T atomic_subtract(T* address, T value, bool returns);
template <class T>
T atomic_exchange(T* address, T value, bool returns);
template <class T>
T atomic_min(T* address, T value, bool returns);
template <class T>
T atomic_max(T* address, T value, bool returns);
template <class T>
T atomic_and(T* address, T value, bool returns);
template <class T>
T atomic_or(T* address, T value, bool returns);
template <class T>
T atomic_xor(T* address, T value, bool returns);
// Also unsigned short.
template <class T>
T atomic_compare_exchange(T* address, T expected, T value);

// Counts up to limit and then starts again at 0; counts down from limit, which follows 0 and whatever is
// larger.
unsigned atomic_increment(unsigned* address, unsigned limit, bool returns);
unsigned atomic_decrement(unsigned* address, unsigned limit, bool returns);

// 16-bit floats, as bits; a pair in 32 bits. Every sum is rounded once.
std::uint16_t atomic_add_half(void* address, std::uint16_t value, Half format, bool returns);
std::uint32_t atomic_add_half2(void* address, std::uint32_t value, Half format, bool returns);

// The first count (2 or 4) floats of a vector: one access, each element atomic by itself. By value, so that
// nothing of the user's lies in memory.
struct Floats {
  float element[4];
};
Floats atomic_add_floats(float* address, Floats values, unsigned count, bool returns);

// For cuda::atomic: the low `bytes` (1, 2, 4 or 8) bytes of a word. Exchanges give the old value; a
// compare-exchange stored the new one if that is the expected one.
std::uint64_t atomic_load(const void* address, std::size_t bytes);
void atomic_store(void* address, std::uint64_t value, std::size_t bytes);
std::uint64_t atomic_exchange_bits(void* address, std::uint64_t value, std::size_t bytes);
std::uint64_t atomic_compare_exchange_bits(void* address, std::uint64_t expected, std::uint64_t value,
                                           std::size_t bytes);

}  // namespace attnlab::emulator::calls
