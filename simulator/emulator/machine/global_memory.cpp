#include "simulator/emulator/machine/global_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <shared_mutex>

// The linker defines these where some object file has the section.
extern "C" {
[[gnu::weak]] extern std::byte __start_attnlab_device[];
[[gnu::weak]] extern std::byte __stop_attnlab_device[];
[[gnu::weak]] extern std::byte __start_attnlab_constant[];
[[gnu::weak]] extern std::byte __stop_attnlab_constant[];
}

namespace attnlab::emulator::global_memory {

namespace detail {
Arena arena;
std::atomic<std::uint64_t> version{0};
}  // namespace detail

namespace {

using detail::arena;

constexpr std::size_t kPage = 4096;
constexpr std::size_t kMostGuard = std::size_t{64} << 20;
constexpr std::size_t kMostPoison = std::size_t{16} << 20;

// Addresses cost nothing, but a limit on them (ulimit -v) may refuse the first wish.
constexpr std::size_t kMostReserved = std::size_t{256} << 30;
constexpr std::size_t kLeastReserved = std::size_t{256} << 20;

constexpr std::size_t round_up(std::size_t value, std::size_t unit) {
  return (value + unit - 1) / unit * unit;
}
constexpr std::size_t round_down(std::size_t value, std::size_t unit) { return value / unit * unit; }

struct Book {
  std::shared_mutex mutex;
  std::map<std::uintptr_t, Allocation> allocations;  // by begin; live and freed
  std::uintptr_t cursor = 0;                         // where the search for a place begins
  std::uint64_t serial = 0;
  std::array<std::size_t, 3> live_bytes{};
};

// Never destroyed: a program may free memory, and the report may ask for leaks, while it ends.
Book& book() {
  static Book& book = *new Book;
  return book;
}

void* reserve_addresses(std::size_t bytes) {
  void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return p == MAP_FAILED ? nullptr : p;
}

// With the lock held. False when the system refuses even a small range.
bool reserve(Book& book) {
  if (arena.bytes > 0) return true;
  for (std::size_t bytes = kMostReserved; bytes >= kLeastReserved; bytes /= 2) {
    void* memory = reserve_addresses(bytes);
    if (memory == nullptr) continue;
    void* map = reserve_addresses(bytes / 8);
    if (map == nullptr) {
      munmap(memory, bytes);
      continue;
    }
    arena.begin = reinterpret_cast<std::uintptr_t>(memory);
    arena.written = static_cast<std::atomic<std::uint64_t>*>(map);
    arena.bytes = bytes;
    book.cursor = arena.begin;
    return true;
  }
  return false;
}

// The lowest place from `from` on with room for `bytes` and its guards among the live allocations; 0: none.
std::uintptr_t place_from(const Book& book, std::uintptr_t from, std::size_t bytes) {
  const std::size_t guard = guard_bytes(bytes);
  const std::uintptr_t last = arena.begin + arena.bytes;
  const auto fits = [&](std::uintptr_t begin) { return begin < last && last - begin >= bytes + guard; };
  std::uintptr_t begin = round_up(from + guard, kAlignment);
  auto next = book.allocations.upper_bound(from);
  if (next != book.allocations.begin()) --next;  // it may reach past `from`
  for (; fits(begin) && next != book.allocations.end(); ++next) {
    const Allocation& other = next->second;
    if (!other.live) continue;
    const std::size_t gap = std::max(guard, guard_bytes(other.bytes));
    if (other.end() + gap <= begin) continue;
    if (begin + bytes + gap <= other.begin) break;
    begin = round_up(other.end() + gap, kAlignment);
  }
  return fits(begin) ? begin : 0;
}

// The pages that hold nothing but this allocation and its guards.
std::span<std::byte> pages_of(const Allocation& allocation) {
  const std::uintptr_t begin = round_down(allocation.begin, kPage);
  return {reinterpret_cast<std::byte*>(begin), round_up(allocation.end(), kPage) - begin};
}

// Clears the map's bits for [address, address + bytes); address is a multiple of 512, and a word of the map
// that the end cuts belongs to the same allocation's guard.
void mark_uninitialised(std::uintptr_t address, std::size_t bytes) {
  auto* const map = reinterpret_cast<std::byte*>(arena.written);
  const std::size_t begin = (address - arena.begin) / 8, end = begin + round_up(bytes, 64) / 8;
  const std::size_t first_page = round_up(begin, kPage), last_page = round_down(end, kPage);
  if (first_page >= last_page) {
    std::memset(map + begin, 0, end - begin);
    return;
  }
  std::memset(map + begin, 0, first_page - begin);
  madvise(map + first_page, last_page - first_page, MADV_DONTNEED);
  std::memset(map + last_page, 0, end - last_page);
}

std::uint64_t low_bits(std::size_t count) { return ~std::uint64_t{0} >> (64 - count); }  // 1..64

// The map's bits for `count` (1..64) bytes from `offset` on, the first in bit 0.
std::uint64_t load_bits(std::uintptr_t offset, std::size_t count) {
  const unsigned shift = offset % 64;
  std::uint64_t bits = arena.written[offset / 64].load(std::memory_order_relaxed) >> shift;
  if (shift + count > 64)
    bits |= arena.written[offset / 64 + 1].load(std::memory_order_relaxed) << (64 - shift);
  return bits & low_bits(count);
}

void store_bits(std::uintptr_t offset, std::size_t count, std::uint64_t bits) {
  const auto store = [](std::atomic<std::uint64_t>& word, std::uint64_t mask, std::uint64_t value) {
    word.fetch_or(value, std::memory_order_relaxed);
    word.fetch_and(value | ~mask, std::memory_order_relaxed);
  };
  const unsigned shift = offset % 64;
  store(arena.written[offset / 64], low_bits(count) << shift, bits << shift);
  if (shift + count > 64)
    store(arena.written[offset / 64 + 1], low_bits(count) >> (64 - shift), bits >> (64 - shift));
}

const Allocation* nearest(const Book& book, std::uintptr_t address) {
  const auto after = book.allocations.upper_bound(address);
  if (after == book.allocations.begin()) return after == book.allocations.end() ? nullptr : &after->second;
  const Allocation& before = std::prev(after)->second;
  if (before.holds(address) || after == book.allocations.end()) return &before;
  const std::uintptr_t past = address - std::min(address, before.end());
  return past <= after->second.begin - address ? &before : &after->second;
}

std::span<std::byte> between(std::byte* begin, std::byte* end) {
  return begin == nullptr ? std::span<std::byte>{} : std::span<std::byte>{begin, end};
}

}  // namespace

const char* name(Kind kind) {
  switch (kind) {
    case Kind::device:
      return "cudaMalloc";
    case Kind::managed:
      return "cudaMallocManaged";
    case Kind::pinned:
      return "cudaMallocHost";
  }
  return "";
}

std::size_t guard_bytes(std::size_t bytes) {
  return round_up(std::clamp(bytes / 8, kSmallestGuard, kMostGuard), kAlignment);
}

void* allocate(std::size_t bytes, Kind kind, const void* caller) {
  Book& book = global_memory::book();
  const std::unique_lock lock(book.mutex);
  if (!reserve(book) || bytes > arena.bytes) return nullptr;
  std::uintptr_t begin = place_from(book, book.cursor, bytes);
  if (begin == 0) begin = place_from(book, arena.begin, bytes);
  if (begin == 0) return nullptr;
  Allocation fresh;
  fresh.begin = begin;
  fresh.bytes = bytes;
  fresh.kind = kind;
  fresh.serial = ++book.serial;
  fresh.caller = caller;
  // Freed allocations whose place this is, guards included, are forgotten.
  const std::size_t guard = guard_bytes(bytes);
  auto stale = book.allocations.upper_bound(begin - guard);
  if (stale != book.allocations.begin()) --stale;
  while (stale != book.allocations.end() && stale->second.begin < begin + bytes + guard) {
    const Allocation& old = stale->second;
    const bool overlaps = !old.live && old.end() > begin - guard;
    stale = overlaps ? book.allocations.erase(stale) : std::next(stale);
  }
  book.allocations[begin] = fresh;
  book.cursor = std::max(fresh.end(), begin + 1);
  book.live_bytes[static_cast<std::size_t>(kind)] += bytes;
  detail::version.fetch_add(1, std::memory_order_release);
  mark_uninitialised(begin, bytes);
  void* const memory = reinterpret_cast<void*>(begin);
  if (kind == Kind::device && bytes <= kMostPoison) std::memset(memory, kPoison, bytes);
  return memory;
}

bool release(void* begin, Kind kind, const void* caller) {
  Book& book = global_memory::book();
  const std::unique_lock lock(book.mutex);
  const auto found = book.allocations.find(reinterpret_cast<std::uintptr_t>(begin));
  if (found == book.allocations.end() || !found->second.live || found->second.kind != kind) return false;
  Allocation& allocation = found->second;
  allocation.live = false;
  allocation.released_by = caller;
  book.live_bytes[static_cast<std::size_t>(kind)] -= allocation.bytes;
  detail::version.fetch_add(1, std::memory_order_release);
  const std::span<std::byte> pages = pages_of(allocation);
  madvise(pages.data(), pages.size(), MADV_DONTNEED);
  mark_uninitialised(allocation.begin, allocation.bytes);
  return true;
}

const Allocation* find(const void* address) {
  Book& book = global_memory::book();
  const std::shared_lock lock(book.mutex);
  return nearest(book, reinterpret_cast<std::uintptr_t>(address));
}

const Allocation* find_live(const void* address, std::size_t bytes) {
  const auto begin = reinterpret_cast<std::uintptr_t>(address);
  const Allocation* found = find(address);
  if (found == nullptr || !found->live || begin < found->begin) return nullptr;
  return begin <= found->end() && bytes <= found->end() - begin ? found : nullptr;
}

std::vector<Allocation> live() {
  Book& book = global_memory::book();
  const std::shared_lock lock(book.mutex);
  std::vector<Allocation> result;
  for (const auto& [begin, allocation] : book.allocations)
    if (allocation.live) result.push_back(allocation);
  std::sort(result.begin(), result.end(),
            [](const Allocation& a, const Allocation& b) { return a.serial < b.serial; });
  return result;
}

std::size_t live_bytes(Kind kind) {
  Book& book = global_memory::book();
  const std::shared_lock lock(book.mutex);
  return book.live_bytes[static_cast<std::size_t>(kind)];
}

std::size_t reserved_bytes() {
  Book& book = global_memory::book();
  const std::unique_lock lock(book.mutex);
  reserve(book);
  return arena.bytes;
}

// Up to 64 bits of the map at a time. Managed and pinned sources count as written.
void copy_initialised(const void* dst, const void* src, std::size_t bytes) {
  const auto to = reinterpret_cast<std::uintptr_t>(dst), from = reinterpret_cast<std::uintptr_t>(src);
  const Allocation* source = find(src);
  if (source != nullptr && source->kind != Kind::device) return mark_initialised(dst, bytes);
  const auto copy = [&](std::size_t i, std::size_t n) {
    const std::uint64_t bits = load_bits(from - arena.begin + i, n);
    store_bits(to - arena.begin + i, n, bits);
  };
  if (to <= from) {
    for (std::size_t i = 0; i < bytes; i += 64) copy(i, std::min<std::size_t>(64, bytes - i));
  } else {
    for (std::size_t end = bytes; end > 0; end -= std::min<std::size_t>(64, end)) {
      const std::size_t n = std::min<std::size_t>(64, end);
      copy(end - n, n);
    }
  }
}

std::span<std::byte> device_variables() { return between(__start_attnlab_device, __stop_attnlab_device); }

std::span<std::byte> constant_variables() {
  return between(__start_attnlab_constant, __stop_attnlab_constant);
}

namespace detail {

namespace {

// Calls f(word, mask) for each word of the map that covers a part of [offset, offset + bytes), until it
// returns false.
template <class F>
bool for_words(std::uintptr_t offset, std::size_t bytes, F f) {
  while (bytes > 0) {
    const unsigned shift = offset % 64;
    const std::size_t here = std::min<std::size_t>(bytes, 64 - shift);
    if (!f(arena.written[offset / 64], ~std::uint64_t{0} >> (64 - here) << shift)) return false;
    offset += here;
    bytes -= here;
  }
  return true;
}

}  // namespace

bool initialised_slow(std::uintptr_t address, std::size_t bytes) {
  const bool written = for_words(address - arena.begin, bytes, [](const auto& word, std::uint64_t mask) {
    return (word.load(std::memory_order_relaxed) & mask) == mask;
  });
  if (written) return true;
  const Allocation* found = find(reinterpret_cast<const void*>(address));
  return found != nullptr && found->holds(address) && found->live && found->kind != Kind::device;
}

void mark_initialised_slow(std::uintptr_t address, std::size_t bytes) {
  for_words(address - arena.begin, bytes, [](auto& word, std::uint64_t mask) {
    if ((word.load(std::memory_order_relaxed) & mask) != mask) word.fetch_or(mask, std::memory_order_relaxed);
    return true;
  });
}

}  // namespace detail

}  // namespace attnlab::emulator::global_memory
