#include "simulator/emulator/builtins/threads.h"

#include <atomic>
#include <chrono>

#include "simulator/emulator/device_calls.h"

namespace attnlab::emulator::calls {

void sync_threads() { block_barrier(0, 0, BarrierKind::sync, 0, __builtin_return_address(0)); }
void sync_grid() { grid_barrier(__builtin_return_address(0)); }
bool grid_can_sync() { return cooperative(); }
int sync_threads_count(int predicate) {
  return block_barrier(0, 0, BarrierKind::count, predicate, __builtin_return_address(0));
}
int sync_threads_and(int predicate) {
  return block_barrier(0, 0, BarrierKind::logical_and, predicate, __builtin_return_address(0));
}
int sync_threads_or(int predicate) {
  return block_barrier(0, 0, BarrierKind::logical_or, predicate, __builtin_return_address(0));
}

void fence() {
  record_operation(Operation::fence, 1, __builtin_return_address(0));
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

void sleep() { yield(); }
void stop_by_trap() { trap("__trap()", __builtin_return_address(0)); }
void stop_unsupported(const char* construct) { unsupported(construct, __builtin_return_address(0)); }
bool is_on_device() { return on_device(); }

std::uint64_t clock_ticks() { return clock(); }
std::uint64_t global_timer() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

bool is_global(const void* address) { return space_of(address) == Space::global; }
bool is_shared(const void* address) { return space_of(address) == Space::shared; }
bool is_constant(const void* address) { return space_of(address) == Space::constant; }
bool is_local(const void* address) { return space_of(address) == Space::local; }
std::size_t shared_offset_of(const void* address) { return shared_offset(address); }
void* shared_address_at(std::size_t offset) { return shared_address(static_cast<std::uint32_t>(offset)); }

}  // namespace attnlab::emulator::calls
