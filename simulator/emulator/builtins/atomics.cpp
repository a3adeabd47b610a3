#include "simulator/emulator/builtins/atomics.h"

#include <algorithm>
#include <atomic>

#include "simulator/emulator/device_calls.h"

namespace attnlab::emulator::calls {
namespace {

// update(old) is the new value; the result is the old one.
template <class T, class Update>
T change(T* address, Update update) {
  const std::atomic_ref<T> shared(*address);
  T old = shared.load();
  while (!shared.compare_exchange_weak(old, update(old))) {
  }
  return old;
}

std::uint16_t half_sum(std::uint16_t a, std::uint16_t b, Half format) {
  return half_multiply_add(value_of(a, format), 1, value_of(b, format), format);
}

}  // namespace

#define ATTNLAB_RECORD(address, returns) \
  record_atomic(address, sizeof(*(address)), returns, __builtin_return_address(0))

template <class T>
T atomic_add(T* address, T value, bool returns) {
  ATTNLAB_RECORD(address, returns);
  return std::atomic_ref<T>(*address).fetch_add(value);
}
template <class T>
T atomic_subtract(T* address, T value, bool returns) {
  ATTNLAB_RECORD(address, returns);
  return std::atomic_ref<T>(*address).fetch_sub(value);
}
template <class T>
T atomic_exchange(T* address, T value, bool returns) {
  ATTNLAB_RECORD(address, returns);
  return std::atomic_ref<T>(*address).exchange(value);
}
template <class T>
T atomic_min(T* address, T value, bool returns) {
  ATTNLAB_RECORD(address, returns);
  return change(address, [=](T old) { return std::min(old, value); });
}
template <class T>
T atomic_max(T* address, T value, bool returns) {
  ATTNLAB_RECORD(address, returns);
  return change(address, [=](T old) { return std::max(old, value); });
}
template <class T>
T atomic_and(T* address, T value, bool returns) {
  ATTNLAB_RECORD(address, returns);
  return std::atomic_ref<T>(*address).fetch_and(value);
}
template <class T>
T atomic_or(T* address, T value, bool returns) {
  ATTNLAB_RECORD(address, returns);
  return std::atomic_ref<T>(*address).fetch_or(value);
}
template <class T>
T atomic_xor(T* address, T value, bool returns) {
  ATTNLAB_RECORD(address, returns);
  return std::atomic_ref<T>(*address).fetch_xor(value);
}
template <class T>
T atomic_compare_exchange(T* address, T expected, T value) {
  ATTNLAB_RECORD(address, true);
  // Bits are compared, so that a NaN equals itself.
  std::atomic_ref<T>(*address).compare_exchange_strong(expected, value);
  return expected;
}

#define ATTNLAB_INSTANTIATE(T)             \
  template T atomic_add(T*, T, bool);      \
  template T atomic_exchange(T*, T, bool); \
  template T atomic_min(T*, T, bool);      \
  template T atomic_max(T*, T, bool);      \
  template T atomic_and(T*, T, bool);      \
  template T atomic_or(T*, T, bool);       \
  template T atomic_xor(T*, T, bool);      \
  template T atomic_compare_exchange(T*, T, T);
ATTNLAB_INSTANTIATE(int)
ATTNLAB_INSTANTIATE(unsigned)
ATTNLAB_INSTANTIATE(long)
ATTNLAB_INSTANTIATE(unsigned long)
ATTNLAB_INSTANTIATE(long long)
ATTNLAB_INSTANTIATE(unsigned long long)
template int atomic_subtract(int*, int, bool);
template unsigned atomic_subtract(unsigned*, unsigned, bool);
template float atomic_add(float*, float, bool);
template double atomic_add(double*, double, bool);
template float atomic_exchange(float*, float, bool);
template double atomic_exchange(double*, double, bool);
template unsigned short atomic_compare_exchange(unsigned short*, unsigned short, unsigned short);

unsigned atomic_increment(unsigned* address, unsigned limit, bool returns) {
  ATTNLAB_RECORD(address, returns);
  return change(address, [=](unsigned old) { return old >= limit ? 0 : old + 1; });
}
unsigned atomic_decrement(unsigned* address, unsigned limit, bool returns) {
  ATTNLAB_RECORD(address, returns);
  return change(address, [=](unsigned old) { return old == 0 || old > limit ? limit : old - 1; });
}

std::uint16_t atomic_add_half(void* address, std::uint16_t value, Half format, bool returns) {
  auto* target = static_cast<std::uint16_t*>(address);
  ATTNLAB_RECORD(target, returns);
  return change(target, [=](std::uint16_t old) { return half_sum(old, value, format); });
}

std::uint32_t atomic_add_half2(void* address, std::uint32_t value, Half format, bool returns) {
  auto* target = static_cast<std::uint32_t*>(address);
  ATTNLAB_RECORD(target, returns);
  return change(target, [=](std::uint32_t old) {
    const auto low = half_sum(static_cast<std::uint16_t>(old), static_cast<std::uint16_t>(value), format);
    const auto high =
        half_sum(static_cast<std::uint16_t>(old >> 16), static_cast<std::uint16_t>(value >> 16), format);
    return static_cast<std::uint32_t>(high) << 16 | low;
  });
}

Floats atomic_add_floats(float* address, Floats values, unsigned count, bool returns) {
  record_atomic(address, count * 4, returns, __builtin_return_address(0));
  Floats old{};
  for (unsigned i = 0; i < count; ++i)
    old.element[i] = std::atomic_ref<float>(address[i]).fetch_add(values.element[i]);
  return old;
}

namespace {

// Calls action with a pointer of the unsigned integer type of that size.
template <class Action>
std::uint64_t of_size(std::size_t bytes, void* address, Action action) {
  switch (bytes) {
    case 1:
      return action(static_cast<std::uint8_t*>(address));
    case 2:
      return action(static_cast<std::uint16_t*>(address));
    case 4:
      return action(static_cast<std::uint32_t*>(address));
    default:
      return action(static_cast<std::uint64_t*>(address));
  }
}

}  // namespace

std::uint64_t atomic_load(const void* address, std::size_t bytes) {
  record_load(address, static_cast<unsigned>(bytes), __builtin_return_address(0));
  return of_size(bytes, const_cast<void*>(address), [](auto* p) { return std::atomic_ref(*p).load(); });
}

void atomic_store(void* address, std::uint64_t value, std::size_t bytes) {
  record_store(address, static_cast<unsigned>(bytes), __builtin_return_address(0));
  of_size(bytes, address, [=]<class T>(T* p) {
    std::atomic_ref(*p).store(static_cast<T>(value));
    return T{};
  });
}

std::uint64_t atomic_exchange_bits(void* address, std::uint64_t value, std::size_t bytes) {
  record_atomic(address, static_cast<unsigned>(bytes), true, __builtin_return_address(0));
  return of_size(bytes, address,
                 [=]<class T>(T* p) { return std::atomic_ref(*p).exchange(static_cast<T>(value)); });
}

std::uint64_t atomic_compare_exchange_bits(void* address, std::uint64_t expected, std::uint64_t value,
                                           std::size_t bytes) {
  record_atomic(address, static_cast<unsigned>(bytes), true, __builtin_return_address(0));
  return of_size(bytes, address, [=]<class T>(T* p) {
    T old = static_cast<T>(expected);
    std::atomic_ref(*p).compare_exchange_strong(old, static_cast<T>(value));
    return old;
  });
}

}  // namespace attnlab::emulator::calls
