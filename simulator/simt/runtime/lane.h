// A CUDA thread (a lane of a warp) as a fiber, and the list of events that its instrumented code leaves
// behind.
//
// An event is a pair of numbers: what happened and where in the code (the return address of the hook that the
// compiler put there), and an address or a count. Lane l of a warp writes column l of a table; when all lanes
// of the warp have run, row by row, the warp's requests stand side by side.
#pragma once

#include <array>
#include <boost/context/detail/fcontext.hpp>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "simulator/simt/device.h"

namespace attnlab::simt {

enum class Event : std::uint8_t {
  block_entered,  // a basic block begins; the control flow between accesses
  load,
  store,
  atomic,      // with a result
  reduction,   // without
  async_copy,  // the global side of a copy to shared memory through L1
  async_copy_bypassing_l1,
  async_started,  // its destination, in shared memory: in flight
  async_arrived,
  operation,  // of kind `size`, as many as the value says
};

// What happened: the low 32 bits of the code address, the kind, the size in bytes. Its order is the code's
// order.
using Code = std::uint64_t;
inline constexpr Code event_code(Event kind, std::uint64_t size) {
  return static_cast<std::uint64_t>(kind) << 32 | size << 40;
}
inline constexpr Event kind_of(Code code) { return static_cast<Event>(code >> 32 & 0xff); }
inline constexpr unsigned size_of(Code code) { return static_cast<unsigned>(code >> 40 & 0xff); }
inline constexpr Code numbered(Code code, std::uint64_t number) { return code | (number & 0xff) << 56; }
// In the order of the program: by place, then by number.
inline constexpr Code order_of(Code code) { return code << 32 | code >> 32; }
inline constexpr std::uint32_t place_of(Code code) { return static_cast<std::uint32_t>(code); }

// The table: rows of 32 codes and 32 values, in a block of memory aligned to its own size and filled from its
// end, so that one pointer says where the next event goes and, in its low bits, whether there is room: a
// pointer into the first row means there is none, and so does null.
// Usable rows. A fiber's turn costs some 20 ns and spoils the processor's prediction of returns, so it is
// worth a table that the L1 cache cannot hold whole.
inline constexpr unsigned window = 127;
struct EventRow {
  std::array<Code, warp_size> code;
  std::array<std::uint64_t, warp_size> value;  // of an access its address; a basic block has none
};
inline constexpr std::size_t table_bytes = (window + 1) * sizeof(EventRow);
static_assert(table_bytes == 64 << 10 && sizeof(EventRow) == 512);

extern thread_local constinit std::byte* cursor;  // where the running lane's next event goes

// No room: lets the other lanes run and comes back with room. False: this thread records nothing.
bool make_room();

inline bool has_room(const std::byte* at) {
  return (reinterpret_cast<std::uintptr_t>(at) & (table_bytes - sizeof(EventRow))) != 0;
}

inline Code placed(Code what, const void* site) {
  return what | static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(site));
}

// The way round where there is no room, apart so that hooks need no stack.
[[gnu::noinline, gnu::cold]] void record_later(Code code, std::uint64_t value);

// The event's code and value; a basic block has no value.
inline void record(Code what, const void* site, std::uint64_t value) {
  const Code code = placed(what, site);
  std::byte* const at = cursor;
  if (!has_room(at)) [[unlikely]]
    return record_later(code, value);
  *reinterpret_cast<Code*>(at) = code;
  *reinterpret_cast<std::uint64_t*>(at + offsetof(EventRow, value)) = value;
  cursor = at - sizeof(EventRow);
}

inline void record_block(const void* site) {
  const Code code = placed(event_code(Event::block_entered, 0), site);
  std::byte* const at = cursor;
  if (!has_room(at)) [[unlikely]]
    return record_later(code, 0);
  *reinterpret_cast<Code*>(at) = code;
  cursor = at - sizeof(EventRow);
}

// The stacks of a worker's fibers, side by side, each with a page below it that must not be touched. A
// guarded page splits a mapping, and a process may have some 65,000 of those: only stacks in use are guarded,
// and those of the 30,000 first in the process.
class Stacks {
 public:
  Stacks();
  ~Stacks();
  Stacks(const Stacks&) = delete;
  Stacks& operator=(const Stacks&) = delete;
  // Guards the stacks of this many threads.
  void guard(unsigned threads);
  void* top(unsigned lane) const { return base_ + (lane + 1) * stride; }
  bool contains(std::uintptr_t address) const { return address - begin() < count * stride; }
  bool guards(std::uintptr_t address) const {
    return contains(address) && (address - begin()) % stride < guard_bytes;
  }
  std::uintptr_t begin() const { return reinterpret_cast<std::uintptr_t>(base_); }

  static constexpr std::size_t bytes = 64 << 10, guard_bytes = 4 << 10, stride = bytes + guard_bytes;
  static constexpr unsigned count = 1024;  // threads of a block, at most

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

struct alignas(table_bytes) Warp {
  std::array<EventRow, window + 1> rows;         // the first stays empty; the oldest event is in the last
  std::array<std::uint32_t, warp_size> count{};  // events of a lane that wait to be merged
  unsigned lanes = 0;                            // mask of the lanes that exist
  unsigned number = 0;                           // in its block
  std::uint32_t epoch = 1;                       // rises at every synchronisation of the warp
  unsigned starved = 0;                          // merges in a row that left some lane without room

  EventRow& row(unsigned k) { return rows[window - k]; }  // the k-th oldest
};

}  // namespace attnlab::simt
