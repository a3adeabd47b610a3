// The events that instrumented code records, one list per thread. Assembly code writes most of them
// (translate/assembly.cpp). runtime/ writes the others, and reads them all.
//
// An event is two numbers: a code (what happened, and where in the program), and an address or a count.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace attnlab::emulator {

enum class Event : std::uint8_t {
  block_entered,  // a basic block begins; the control flow between accesses
  load,
  load_bypassing_l1,  // __ldcg, volatile
  store,
  atomic,      // with a result
  reduction,   // without
  async_copy,  // the global side of a copy to shared memory, through the L1
  async_copy_bypassing_l1,
  async_started,  // its destination, in shared memory: in flight
  async_arrived,
  operation,  // of the kind in `size`; the value says how many
};

// What happened: the low 32 bits of the code address, the kind, the size in bytes.
using Code = std::uint64_t;
inline constexpr Code event_code(Event kind, std::uint64_t size) {
  return static_cast<std::uint64_t>(kind) << 32 | size << 40;
}
inline constexpr Event kind_of(Code code) { return static_cast<Event>(code >> 32 & 0xff); }
inline constexpr unsigned size_of(Code code) { return static_cast<unsigned>(code >> 40 & 0xff); }
inline constexpr Code numbered(Code code, std::uint64_t number) { return code | (number & 0xff) << 56; }
// Sorts in program order: by place, then by number.
inline constexpr Code order_of(Code code) { return code << 32 | code >> 32; }
inline constexpr std::uint32_t place_of(Code code) { return static_cast<std::uint32_t>(code); }

// The list of one thread, oldest event first. Changing fibers costs some 20 ns and spoils the processor's
// prediction of returns. So the lists are long, although those of a whole warp do not fit into an L1 cache.
inline constexpr unsigned kWindow = 256;
struct alignas(64) EventList {
  std::array<Code, kWindow> code;
  std::array<std::uint64_t, kWindow> value;  // an access's address; a basic block has none
  // Padding: event k of neighbouring lanes must not fall into the same set of the cache.
  std::array<std::byte, 64> apart;
};
inline constexpr std::size_t kValueOffset = offsetof(EventList, value);  // from an event's code to its value

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
