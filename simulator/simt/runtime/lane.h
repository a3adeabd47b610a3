// A CUDA thread (a lane of a warp) as a fiber, and the list of events that its instrumented code leaves behind.
//
// An event is a pair: the low 32 bits of an address in the kernel's code (the return address of the hook that the
// compiler put there), and a value that holds what happened. Lane l of a warp writes column l of a table with
// `window` rows; when all lanes of the warp have run, row by row, the warp's requests stand side by side.
#pragma once

#include <array>
#include <boost/context/detail/fcontext.hpp>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "simulator/simt/device.h"

namespace attnlab::simt {

// The kinds of events. The value is kind << 56 | size << 48 | address, or, for an operation, kind << 56 | count.
enum class Event : std::uint8_t {
  block_entered,  // a basic block begins; the control flow between accesses
  load,
  store,
  atomic,     // with a result
  reduction,  // without
  async_copy,  // the global side of a copy to shared memory through L1
  async_copy_bypassing_l1,
  async_started,  // its destination, in shared memory: in flight
  async_arrived,
  operation,  // + Operation << 48
  warp_sync,  // orders the warp's accesses: a new epoch for the race check
};

inline constexpr std::uint64_t event_value(Event kind, std::uint64_t size, std::uint64_t address) {
  return static_cast<std::uint64_t>(kind) << 56 | size << 48 | address;
}
inline constexpr Event kind_of(std::uint64_t value) { return static_cast<Event>(value >> 56); }
inline constexpr unsigned size_of(std::uint64_t value) { return value >> 48 & 0xff; }
inline constexpr std::uint64_t address_of(std::uint64_t value) { return value & 0xffffffffffffull; }

inline constexpr unsigned window = 64;  // rows: small enough that a warp's table stays in L1 and L2

// Where the running lane's next event goes. left == 0: nowhere; the slow path decides what that means.
struct Recorder {
  std::uint32_t* code = nullptr;
  std::uint64_t* value = nullptr;
  std::uint32_t left = 0;
};
extern thread_local constinit Recorder recorder;

// No room: lets the other lanes run and comes back with room. False: this thread records nothing.
bool make_room();

inline void record(std::uint64_t value, const void* site) {
  if (recorder.left == 0 && !make_room()) [[unlikely]]
    return;
  *recorder.code = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(site));
  *recorder.value = value;
  recorder.code += warp_size;
  recorder.value += warp_size;
  --recorder.left;
}

// The stacks of a worker's fibers, side by side, each with a page below it that must not be touched.
class Stacks {
 public:
  Stacks();
  ~Stacks();
  Stacks(const Stacks&) = delete;
  Stacks& operator=(const Stacks&) = delete;
  void* top(unsigned lane) const { return base_ + (lane + 1) * stride; }
  bool contains(std::uintptr_t address) const { return address - begin() < count * stride; }
  bool guards(std::uintptr_t address) const { return contains(address) && (address - begin()) % stride < guard_bytes; }
  std::uintptr_t begin() const { return reinterpret_cast<std::uintptr_t>(base_); }

  static constexpr std::size_t bytes = 64 << 10, guard_bytes = 4 << 10, stride = bytes + guard_bytes;
  static constexpr unsigned count = 1024;  // threads of a block, at most

 private:
  std::byte* base_;
};

enum class LaneState : std::uint8_t { ready, at_warp, at_barrier, at_grid, exited };

struct AsyncCopy {
  std::byte* destination;
  const std::byte* source;
  unsigned bytes, source_bytes;
  std::uint32_t group;  // of its thread, counted from 0
};

struct Lane {
  boost::context::detail::fcontext_t context = nullptr;
  Index3 thread{};
  unsigned number = 0;  // in its block
  LaneState state = LaneState::exited;

  // What it waits for.
  std::uint32_t site = 0;
  unsigned mask = 0;               // at_warp
  WarpFunction run = nullptr;      // at_warp
  void* arguments = nullptr;       // at_warp
  int barrier = 0;                 // at_barrier
  int result = 0;                  // of the barrier

  std::vector<AsyncCopy> copies;   // not yet arrived
  std::uint32_t async_group = 0;   // the open one
};

struct Warp {
  alignas(64) std::array<std::array<std::uint32_t, warp_size>, window> code;
  alignas(64) std::array<std::array<std::uint64_t, warp_size>, window> value;
  std::array<std::uint32_t, warp_size> count{};  // events of a lane that wait to be merged
  unsigned lanes = 0;                            // mask of the lanes that exist
  unsigned number = 0;                           // in its block
  std::uint32_t epoch = 1;                       // rises at every synchronisation of the warp
  unsigned starved = 0;                          // merges in a row that left some lane without room
};

}  // namespace attnlab::simt
