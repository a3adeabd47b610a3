// The emulated device's memory: one range of addresses, in which every allocation stands alone between guard
// gaps, and a map of which of its bytes have been written.
//
// Freed memory is given back to the system but its addresses are not handed out again until the range is used
// up, so that a use after free is recognised. Managed and pinned host memory come from the same range:
// kernels and host code both reach it.
//
// Everything here may be called by several OS threads at once. What runs for every access of a kernel is
// inline, and takes no lock.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace attnlab::emulator::global_memory {

// device: cudaMalloc and its like. managed: cudaMallocManaged. pinned: cudaMallocHost, cudaHostAlloc. Host
// code writes the latter two without asking, so they always count as initialised.
enum class Kind { device, managed, pinned };
const char* name(Kind kind);  // the function that a program calls for it: "cudaMalloc", ...

struct Allocation {
  std::uintptr_t begin = 0;
  std::size_t bytes = 0;
  bool live = true;
  Kind kind = Kind::device;
  std::uint64_t serial = 0;           // 1 for the program's first allocation
  const void* caller = nullptr;       // the address in the program that allocated it
  const void* released_by = nullptr;  // the address in the program that freed it

  std::uintptr_t end() const { return begin + bytes; }
  bool holds(std::uintptr_t address) const { return address - begin < bytes; }
};

inline constexpr std::size_t kAlignment = 512;       // of every allocation, as cudaMalloc promises
inline constexpr std::size_t kSmallestGuard = 4096;  // bytes before and after every allocation
inline constexpr unsigned char kPoison = 0xff;       // a NaN in every format, -1 as an integer

// The guard gap on either side of an allocation: an eighth of it, between 4 KB and 64 MB.
std::size_t guard_bytes(std::size_t bytes);

namespace detail {
// Reserved by the first allocation; bytes is 0 until then, and afterwards nothing here changes.
struct Arena {
  std::uintptr_t begin = 0;
  std::size_t bytes = 0;
  std::atomic<std::uint64_t>* written = nullptr;  // a bit for every byte
};
extern Arena arena;
extern std::atomic<std::uint64_t> version;
bool initialised_slow(std::uintptr_t address, std::size_t bytes);
void mark_initialised_slow(std::uintptr_t address, std::size_t bytes);
}  // namespace detail

// Is this an address of the range, allocated or not?
inline bool contains(const void* address) {
  return reinterpret_cast<std::uintptr_t>(address) - detail::arena.begin < detail::arena.bytes;
}

// A fresh allocation, uninitialised (up to 16 MB of device memory: filled with poison; the rest reads as
// zero). bytes may be 0; two allocations never have the same address. Null when the range has no place for
// it. caller: kept for reports.
void* allocate(std::size_t bytes, Kind kind, const void* caller);

// Ends an allocation that begins at this address; false, and no effect, if there is none of that kind or it
// is not live.
bool release(void* begin, Kind kind, const void* caller);

// The allocation that holds this address, live or not; else the one whose bytes are nearest, before or after;
// null if there is none. The pointer is valid until allocate() has used up the range (version() then changes
// too) and reuses this allocation's addresses.
const Allocation* find(const void* address);

// The live allocation that holds [address, address + bytes), null if there is none.
const Allocation* find_live(const void* address, std::size_t bytes);

// Changes with every allocate and release: what is remembered of an allocation is good while it stays.
inline std::uint64_t version() { return detail::version.load(std::memory_order_acquire); }

std::vector<Allocation> live();     // by serial number
std::size_t live_bytes(Kind kind);  // the sum of their sizes
std::size_t reserved_bytes();       // the whole range; reserves it if nobody has

// Have all of these bytes been written since they were allocated? address must be in the range.
inline bool initialised(const void* address, std::size_t bytes) {
  const std::uintptr_t offset = reinterpret_cast<std::uintptr_t>(address) - detail::arena.begin;
  const unsigned shift = offset % 64;
  if (shift + bytes <= 64 && bytes > 0) {
    const std::uint64_t mask = ~std::uint64_t{0} >> (64 - bytes) << shift;
    if ((detail::arena.written[offset / 64].load(std::memory_order_relaxed) & mask) == mask) return true;
  }
  return detail::initialised_slow(reinterpret_cast<std::uintptr_t>(address), bytes);
}

// These bytes, all in the range, have been written.
inline void mark_initialised(const void* address, std::size_t bytes) {
  const std::uintptr_t offset = reinterpret_cast<std::uintptr_t>(address) - detail::arena.begin;
  const unsigned shift = offset % 64;
  if (shift + bytes <= 64 && bytes > 0) {
    const std::uint64_t mask = ~std::uint64_t{0} >> (64 - bytes) << shift;
    std::atomic<std::uint64_t>& word = detail::arena.written[offset / 64];
    if ((word.load(std::memory_order_relaxed) & mask) != mask) word.fetch_or(mask, std::memory_order_relaxed);
    return;
  }
  detail::mark_initialised_slow(reinterpret_cast<std::uintptr_t>(address), bytes);
}

// [dst, dst + bytes), in the range, got a copy of [src, src + bytes), in the range too: what was not written
// there is not written here. The two may overlap.
void copy_initialised(const void* dst, const void* src, std::size_t bytes);

// The program's own __device__ and __constant__ variables, in its sections attnlab_device and
// attnlab_constant. Empty in a program that has none.
std::span<std::byte> device_variables();
std::span<std::byte> constant_variables();

}  // namespace attnlab::emulator::global_memory
