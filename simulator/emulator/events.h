// What instrumented code leaves behind: each thread's list of events. The code that writes most of them is
// assembly (translate/assembly.cpp); runtime/ writes the others, and reads them all.
//
// An event is a pair of numbers: what happened and where in the code, and an address or a count.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace attnlab::emulator {

enum class Event : std::uint8_t {
  block_entered,  // a basic block begins; the control flow between accesses
  load,
  load_past_l1,  // __ldcg, volatile
  store,
  atomic,      // with a result
  reduction,   // without
  async_copy,  // the global side of a copy to shared memory through L1
  async_copy_bypassing_l1,
  async_started,  // its destination, in shared memory: in flight
  async_arrived,
  operation,  // of kind `size`, as many as the value says
};

// What happened: the low 32 bits of the code address, the kind, the size in bytes.
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

// The list of one thread, oldest event first. A fiber's turn costs some 20 ns and spoils the processor's
// prediction of returns, so it is worth lists that the L1 cache cannot hold for all lanes of a warp.
inline constexpr unsigned window = 256;
struct alignas(64) EventList {
  std::array<Code, window> code;
  std::array<std::uint64_t, window> value;  // of an access its address; a basic block has none
  // So that the same place of neighbouring lanes' lists is not in the same set of the cache.
  std::array<std::byte, 64> apart;
};
inline constexpr std::size_t value_offset = offsetof(EventList, value);  // from an event's code to its value

// Where the running thread's next event goes, and where its list ends. Both null: it records nothing.
struct EventCursor {
  Code *next, *end;
};

}  // namespace attnlab::emulator

// C names: assembly knows them.
extern "C" {
extern thread_local constinit attnlab::emulator::EventCursor attnlab_emulator_events;
// An event for which the list has no room: site, the low half of its code; what, the high half.
[[gnu::cold]] void attnlab_emulator_record_later(std::uint64_t value, std::uint32_t site, std::uint32_t what);
}
