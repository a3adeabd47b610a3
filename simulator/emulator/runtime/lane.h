// A CUDA thread (a lane of a warp) as a fiber, a warp as 32 lists of events (events.h), and how an event gets
// into its list.
#pragma once

#include <array>
#include <boost/context/detail/fcontext.hpp>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "simulator/emulator/device_calls.h"
#include "simulator/emulator/events.h"

namespace attnlab::emulator {

inline Code placed(Code what, const void* site) {
  return what | static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(site));
}

// No room: lets the other lanes run and comes back with room. False: this thread records nothing.
bool make_room();

// The way round where there is no room, apart so that hooks need no stack.
[[gnu::noinline, gnu::cold]] void record_later(Code code, std::uint64_t value);

// The event's code and value.
inline void record(Code what, const void* site, std::uint64_t value) {
  const Code code = placed(what, site);
  EventCursor& events = attnlab_emulator_events;
  Code* const at = events.next;
  if (at == events.end) [[unlikely]]
    return record_later(code, value);
  *at = code;
  at[kValueOffset / sizeof(Code)] = value;
  events.next = at + 1;
}

// The stacks of a worker's fibers, side by side, each with a guard page below it. A guard page splits a
// mapping, and a process may have some 65,000 mappings. So only stacks in use are guarded, and at most 30,000
// per process.
class Stacks {
 public:
  Stacks();
  ~Stacks();
  Stacks(const Stacks&) = delete;
  Stacks& operator=(const Stacks&) = delete;
  // Guards the stacks of this many threads.
  void guard(unsigned threads);
  void* top(unsigned lane) const { return base_ + (lane + 1) * kStride; }
  bool contains(std::uintptr_t address) const { return address - begin() < kCount * kStride; }
  bool guards(std::uintptr_t address) const {
    return contains(address) && (address - begin()) % kStride < kGuardBytes;
  }
  std::uintptr_t begin() const { return reinterpret_cast<std::uintptr_t>(base_); }

  static constexpr std::size_t kBytes = 64 << 10, kGuardBytes = 4 << 10, kStride = kBytes + kGuardBytes;
  static constexpr unsigned kCount = 1024;  // threads of a block, at most

 private:
  std::byte* base_;
  unsigned guarded_ = 0;
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
  unsigned mask = 0;           // at_warp
  WarpFunction run = nullptr;  // at_warp
  void* arguments = nullptr;   // at_warp
  int barrier = 0;             // at_barrier
  int result = 0;              // of the barrier

  std::vector<AsyncCopy> copies;  // not yet arrived
  std::uint32_t async_group = 0;  // the open one
};

struct Warp {
  std::array<EventList, kWarpSize> events;
  std::array<std::uint32_t, kWarpSize> count{};  // events of a lane that wait to be merged
  unsigned lanes = 0;                            // mask of the lanes that exist
  unsigned number = 0;                           // in its block
  std::uint32_t epoch = 1;                       // rises at every synchronisation of the warp
  unsigned starved = 0;                          // merges in a row that left some lane without room
};

}  // namespace attnlab::emulator
