// What the compiler calls from an instrumented kernel: -fsanitize=thread calls __tsan_* before every access,
// -fsanitize-coverage=trace-pc calls __sanitizer_cov_trace_pc at the start of every basic block. These are
// the documented interfaces of both; here they write the running lane's list of events and do nothing else.
#include "simulator/simt/runtime/lane.h"

namespace attnlab::simt {

thread_local constinit std::byte* cursor = nullptr;

void record_later(Code code, std::uint64_t value) {
  if (!make_room()) return;
  std::byte* const at = cursor;
  *reinterpret_cast<Code*>(at) = code;
  *reinterpret_cast<std::uint64_t*>(at + offsetof(EventRow, value)) = value;
  cursor = at - sizeof(EventRow);
}

namespace {

template <Event kind, unsigned bytes>
inline void access(const void* address, const void* site) {
  record(event_code(kind, bytes), site, reinterpret_cast<std::uintptr_t>(address));
}

// An access of any length, in pieces of one size that divides it, as nvcc copies a structure: float3 goes as
// three words, two float4 as two accesses of 16 bytes.
void range(Event kind, const void* address, std::size_t bytes, const void* site) {
  auto at = reinterpret_cast<std::uintptr_t>(address);
  std::size_t piece = bytes & -bytes;
  if (piece > 16) piece = 16;
  while (at % piece != 0) piece /= 2;
  for (const std::uintptr_t end = at + bytes; at < end; at += piece)
    record(event_code(kind, piece), site, at);
}

}  // namespace
}  // namespace attnlab::simt

using attnlab::simt::Event;

#define ATTNLAB_HOOKS(bytes)                                                    \
  void __tsan_read##bytes(void* a) {                                            \
    attnlab::simt::access<Event::load, bytes>(a, __builtin_return_address(0));  \
  }                                                                             \
  void __tsan_write##bytes(void* a) {                                           \
    attnlab::simt::access<Event::store, bytes>(a, __builtin_return_address(0)); \
  }                                                                             \
  void __tsan_volatile_read##bytes(void* a) {                                   \
    attnlab::simt::access<Event::load, bytes>(a, __builtin_return_address(0));  \
  }                                                                             \
  void __tsan_volatile_write##bytes(void* a) {                                  \
    attnlab::simt::access<Event::store, bytes>(a, __builtin_return_address(0)); \
  }
#define ATTNLAB_UNALIGNED_HOOKS(bytes)                                          \
  void __tsan_unaligned_read##bytes(void* a) {                                  \
    attnlab::simt::access<Event::load, bytes>(a, __builtin_return_address(0));  \
  }                                                                             \
  void __tsan_unaligned_write##bytes(void* a) {                                 \
    attnlab::simt::access<Event::store, bytes>(a, __builtin_return_address(0)); \
  }

extern "C" {
ATTNLAB_HOOKS(1)
ATTNLAB_HOOKS(2)
ATTNLAB_HOOKS(4)
ATTNLAB_HOOKS(8)
ATTNLAB_HOOKS(16)
ATTNLAB_UNALIGNED_HOOKS(2)
ATTNLAB_UNALIGNED_HOOKS(4)
ATTNLAB_UNALIGNED_HOOKS(8)
ATTNLAB_UNALIGNED_HOOKS(16)
#undef ATTNLAB_HOOKS
#undef ATTNLAB_UNALIGNED_HOOKS

void __tsan_read_range(void* a, std::size_t bytes) {
  attnlab::simt::range(Event::load, a, bytes, __builtin_return_address(0));
}
void __tsan_write_range(void* a, std::size_t bytes) {
  attnlab::simt::range(Event::store, a, bytes, __builtin_return_address(0));
}
void __tsan_vptr_read(void** a) { attnlab::simt::access<Event::load, 8>(a, __builtin_return_address(0)); }
void __tsan_vptr_update(void** a, void*) {
  attnlab::simt::access<Event::store, 8>(a, __builtin_return_address(0));
}
void __sanitizer_cov_trace_pc() { attnlab::simt::record_block(__builtin_return_address(0)); }
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
}
