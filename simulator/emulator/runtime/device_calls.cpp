// simulator/emulator/device_calls.h, for a thread that runs on a worker.
#include "simulator/emulator/device_calls.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "simulator/emulator/cuda_headers/driver_types.h"
#include "simulator/emulator/machine/global_memory.h"
#include "simulator/emulator/runtime/session.h"
#include "simulator/emulator/runtime/worker.h"

namespace attnlab::emulator {
namespace {

// The worker whose thread is asking; host code has none, and a kernel that it calls as a function is host
// code.
Worker& here(const char* what) {
  if (Worker* worker = Worker::running()) return *worker;
  end_on_host(fmt::format("{}: not on the host; only a kernel has it, and it must be launched", what));
}

std::uint32_t code_of(const void* site) {
  return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(site));
}

// An event's code with the number that its site carries.
Code numbered_by(Code what, const void* site) {
  return numbered(what, reinterpret_cast<std::uintptr_t>(site) >> 48);
}

std::uint64_t bits(const void* address) { return reinterpret_cast<std::uintptr_t>(address); }

}  // namespace

// The caller of a public function, unless it was told another site.
#define ATTNLAB_SITE(site) ((site) != nullptr ? (site) : __builtin_return_address(0))

Index3 thread_index() { return here("threadIdx").lane().thread; }
Index3 block_index() { return here("blockIdx").block_index(); }
Index3 block_dim() { return here("blockDim").launch().shape.block; }
Index3 grid_dim() { return here("gridDim").launch().shape.grid; }
unsigned lane_id() { return here("the lane's number").lane().number % kWarpSize; }
unsigned warp_id() { return here("the warp's number").lane().number / kWarpSize; }
unsigned sm_id() {
  Worker& worker = here("the SM's number");
  return static_cast<unsigned>(worker.block_number() % worker.launch().sms);
}
bool on_device() { return Worker::running() != nullptr; }

std::uint64_t clock() {
  static std::atomic<std::uint64_t> ticks{0};
  return ticks.fetch_add(1, std::memory_order_relaxed);
}

void record_load(const void* address, unsigned bytes, const void* site, bool bypass_l1) {
  const void* at = ATTNLAB_SITE(site);
  record(numbered_by(event_code(bypass_l1 ? Event::load_bypassing_l1 : Event::load, bytes), at), at,
         bits(address));
}

void record_store(const void* address, unsigned bytes, const void* site) {
  const void* at = ATTNLAB_SITE(site);
  record(numbered_by(event_code(Event::store, bytes), at), at, bits(address));
}

void record_atomic(const void* address, unsigned bytes, bool returns, const void* site) {
  const void* at = ATTNLAB_SITE(site);
  record(numbered_by(event_code(returns ? Event::atomic : Event::reduction, bytes), at), at, bits(address));
  if (Worker* worker = Worker::running();
      worker != nullptr && !worker->account().shared_range().contains(bits(address)))
    worker->wait_turn();
}

void record_operation(Operation kind, std::uint64_t count, const void* site) {
  const void* at = ATTNLAB_SITE(site);
  record(numbered_by(event_code(Event::operation, static_cast<std::uint64_t>(kind)), at), at, count);
}

void yield() {
  if (Worker* worker = Worker::running()) worker->yield();
}

int block_barrier(int id, unsigned threads, BarrierKind kind, int predicate, const void* site) {
  Worker& worker = here("a barrier");
  if (id < 0 || id > 15) trap("a barrier's number must be 0 to 15", ATTNLAB_SITE(site));
  return worker.barrier(id, threads, kind, predicate, code_of(ATTNLAB_SITE(site)));
}

void block_ordered() { here("an mbarrier").order_block(); }

bool cooperative() {
  Worker* worker = Worker::running();
  return worker != nullptr && worker->launch().shape.cooperative;
}

void grid_barrier(const void* site) {
  Worker& worker = here("a grid barrier");
  if (!worker.launch().shape.cooperative)
    trap("a grid-wide barrier needs a cooperative launch", ATTNLAB_SITE(site));
  worker.lane().site = code_of(ATTNLAB_SITE(site));
  worker.suspend(LaneState::at_grid);
}

void syncwarp(unsigned mask, const void* site) {
  here("__syncwarp").collective(mask, nullptr, nullptr, Operation::collective, ATTNLAB_SITE(site));
}

void warp_collective(unsigned mask, void* mine, WarpFunction run, Operation kind, const void* site) {
  here("a warp operation").collective(mask, mine, run, kind, ATTNLAB_SITE(site));
}

void async_copy(void* shared, const void* global, unsigned bytes, unsigned source_bytes, bool bypass_l1,
                const void* site) {
  Worker& worker = here("an asynchronous copy");
  const void* at = ATTNLAB_SITE(site);
  source_bytes = std::min(source_bytes, bytes);
  if (source_bytes > 0) {
    record(numbered_by(
               event_code(bypass_l1 ? Event::async_copy_bypassing_l1 : Event::async_copy, source_bytes), at),
           at, bits(global));
  }
  record(numbered_by(event_code(Event::async_started, bytes), at), at, bits(shared));
  Lane& lane = worker.lane();
  lane.copies.push_back({static_cast<std::byte*>(shared), static_cast<const std::byte*>(global), bytes,
                         source_bytes, lane.async_group});
  std::memset(shared, global_memory::kPoison, bytes);
}

void async_commit() { ++here("cp.async.commit_group").lane().async_group; }

void async_wait(unsigned groups_left, const void* site) {
  Worker& worker = here("cp.async.wait_group");
  const void* at = ATTNLAB_SITE(site);
  Lane& lane = worker.lane();
  // Groups below `arrived` are to be complete; the open group counts only when nothing may be left.
  const std::uint32_t closed = lane.async_group;
  const std::uint32_t arrived = groups_left == 0 ? closed : closed - std::min(closed, groups_left);
  std::vector<AsyncCopy> pending;
  pending.swap(lane.copies);
  for (const AsyncCopy& copy : pending) {
    if (copy.group >= arrived) {
      lane.copies.push_back(copy);
      continue;
    }
    std::memcpy(copy.destination, copy.source, copy.source_bytes);
    std::memset(copy.destination + copy.source_bytes, 0, copy.bytes - copy.source_bytes);
    record(numbered_by(event_code(Event::async_arrived, copy.bytes), at), at, bits(copy.destination));
  }
}

Space space_of(const void* address) {
  if (Worker* worker = Worker::running()) return worker->account().space_at(bits(address));
  return global_memory::contains(address) ? Space::global : Space::host;
}

// Offsets count from the kilobyte at or below the beginning of the OS thread's storage, so that an address
// that is aligned as an offset is aligned.
std::uint32_t shared_offset(const void* address) {
  const std::uintptr_t base = here("a shared address").account().shared_range().begin & ~std::uintptr_t{1023};
  return static_cast<std::uint32_t>(bits(address) - base);
}

void* shared_address(std::uint32_t offset) {
  const std::uintptr_t base = here("a shared address").account().shared_range().begin & ~std::uintptr_t{1023};
  return reinterpret_cast<void*>(base + offset);
}

void* dynamic_shared() { return dynamic_shared_storage(); }

std::uint32_t dynamic_shared_bytes() {
  return static_cast<std::uint32_t>(here("the dynamic shared size").launch().shape.dynamic_shared_bytes);
}

void shared_variable(const char* name, std::size_t bytes, std::size_t guarded_bytes) {
  if (Worker* worker = Worker::running(); worker != nullptr && worker->launch().counting)
    worker->account().declare_shared(name, bytes, guarded_bytes);
}

void unsupported(const char* construct, const void* site) {
  Worker& worker = here(construct);
  worker.account().finding(FindingKind::unsupported, code_of(ATTNLAB_SITE(site)), worker.lane().thread, 0,
                           fmt::format("{} is not supported by the emulator", construct));
  worker.stop(cudaErrorNotSupported);
}

void trap(const char* why, const void* site) {
  Worker& worker = here(why);
  worker.account().finding(FindingKind::trap, code_of(ATTNLAB_SITE(site)), worker.lane().thread, 0, why);
  worker.stop(cudaErrorLaunchFailure);
}

void assertion_failed(const char* expression, const char* file, unsigned line, const void* site) {
  Worker& worker = here("assert");
  worker.account().finding(FindingKind::assertion, code_of(ATTNLAB_SITE(site)), worker.lane().thread, 0,
                           fmt::format("{}:{}: assertion failed: {}", file, line, expression));
  worker.stop(cudaErrorAssert);
}

}  // namespace attnlab::emulator
