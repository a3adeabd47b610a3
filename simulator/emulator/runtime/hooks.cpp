// What the compiler calls from an instrumented kernel: -fsanitize=thread calls __tsan_* before every access,
// -fsanitize-coverage=trace-pc calls __sanitizer_cov_trace_pc at the start of every basic block. These are
// the documented interfaces of both; here they write the running lane's list of events and do nothing else.
// Most calls are never made: translate/assembly.cpp puts the few instructions in their place.
#include "simulator/emulator/runtime/lane.h"

namespace attnlab::emulator {

void record_later(Code code, std::uint64_t value) {
  if (!make_room()) return;
  Code* const at = attnlab_emulator_events.next++;
  *at = code;
  at[kValueOffset / sizeof(Code)] = value;
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
}  // namespace attnlab::emulator

using attnlab::emulator::Event;

#define ATTNLAB_HOOKS(bytes)                                                                    \
  void __tsan_read##bytes(void* a) {                                                            \
    attnlab::emulator::access<Event::load, bytes>(a, __builtin_return_address(0));              \
  }                                                                                             \
  void __tsan_write##bytes(void* a) {                                                           \
    attnlab::emulator::access<Event::store, bytes>(a, __builtin_return_address(0));             \
  }                                                                                             \
  void __tsan_volatile_read##bytes(void* a) {                                                   \
    attnlab::emulator::access<Event::load_bypassing_l1, bytes>(a, __builtin_return_address(0)); \
  }                                                                                             \
  void __tsan_volatile_write##bytes(void* a) {                                                  \
    attnlab::emulator::access<Event::store, bytes>(a, __builtin_return_address(0));             \
  }
#define ATTNLAB_UNALIGNED_HOOKS(bytes)                                              \
  void __tsan_unaligned_read##bytes(void* a) {                                      \
    attnlab::emulator::access<Event::load, bytes>(a, __builtin_return_address(0));  \
  }                                                                                 \
  void __tsan_unaligned_write##bytes(void* a) {                                     \
    attnlab::emulator::access<Event::store, bytes>(a, __builtin_return_address(0)); \
  }

extern "C" {
thread_local constinit attnlab::emulator::EventCursor attnlab_emulator_events{};
void attnlab_emulator_record_later(std::uint64_t value, std::uint32_t site, std::uint32_t what) {
  attnlab::emulator::record_later(std::uint64_t{what} << 32 | site, value);
}

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
  attnlab::emulator::range(Event::load, a, bytes, __builtin_return_address(0));
}
void __tsan_write_range(void* a, std::size_t bytes) {
  attnlab::emulator::range(Event::store, a, bytes, __builtin_return_address(0));
}
void __tsan_vptr_read(void** a) { attnlab::emulator::access<Event::load, 8>(a, __builtin_return_address(0)); }
void __tsan_vptr_update(void** a, void*) {
  attnlab::emulator::access<Event::store, 8>(a, __builtin_return_address(0));
}
void __sanitizer_cov_trace_pc() {
  attnlab::emulator::record(attnlab::emulator::event_code(Event::block_entered, 0),
                            __builtin_return_address(0), 0);
}
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
}
