// A parsed text ready to run: a list of steps over a frame of 64-bit registers.
//
// A frame holds a thread's registers while it executes an asm statement: first the statement's operands, then
// the registers that the text declares, then its constants. A value lies in the low bits of its slot; readers
// take only the bits of their type, so the rest may hold anything.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace attnlab::emulator::ptx {

using Slot = std::uint16_t;
inline constexpr Slot kNoSlot = 0xffff;
inline constexpr unsigned kFrameLimit = 512;  // slots: 4 KB of a fiber's stack of 64 KB

struct Step;

// One thread executing one statement.
struct Context {
  std::uint64_t* registers;
  const Step* next;       // a branch sets it
  const void* site;       // of the step, for records: the statement's, with the step's number from bit 48
  const void* statement;  // the asm statement's place in the user's code, for what stops the launch

  template <class T>
  T get(Slot slot) const {
    if constexpr (std::is_same_v<T, bool>)
      return (registers[slot] & 1) != 0;
    else if constexpr (sizeof(T) == 8)
      return std::bit_cast<T>(registers[slot]);
    else if constexpr (sizeof(T) == 4)
      return std::bit_cast<T>(static_cast<std::uint32_t>(registers[slot]));
    else if constexpr (sizeof(T) == 2)
      return std::bit_cast<T>(static_cast<std::uint16_t>(registers[slot]));
    else
      return std::bit_cast<T>(static_cast<std::uint8_t>(registers[slot]));
  }
  template <class T>
  void set(Slot slot, T value) {
    if constexpr (std::is_same_v<T, bool>)
      registers[slot] = value ? 1 : 0;
    else if constexpr (std::is_integral_v<T>)
      registers[slot] =
          static_cast<std::uint64_t>(value);  // sign-extended, so that wider registers hold it too
    else if constexpr (sizeof(T) == 8)
      registers[slot] = std::bit_cast<std::uint64_t>(value);
    else if constexpr (sizeof(T) == 4)
      registers[slot] = std::bit_cast<std::uint32_t>(value);
    else
      registers[slot] = std::bit_cast<std::uint16_t>(value);
  }
};

using Handler = void (*)(Context&, const Step&);

// One operation. slots: for scalar instructions the destination, then the sources, in the text's order;
// others say so where they are decoded. immediate and option are the handler's own.
struct Step {
  Handler run = nullptr;
  Slot slots[16] = {};
  std::int64_t immediate = 0;
  std::uint32_t option = 0;
  Slot guard = kNoSlot;  // runs only where this predicate equals guard_value
  bool guard_value = true;
};

struct Program {
  std::string refusal;  // why it cannot run; empty: it can
  std::vector<Step> steps;
  std::vector<std::pair<Slot, std::uint64_t>> constants;
  unsigned argument_words = 0;
  unsigned frame_slots = 0;
};

}  // namespace attnlab::emulator::ptx
