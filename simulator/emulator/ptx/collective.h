// Handlers that compute for a whole warp at once (emulator::warp_collective).
#pragma once

#include "simulator/emulator/device_calls.h"
#include "simulator/emulator/ptx/program.h"

namespace attnlab::emulator::ptx {

// One lane's part: its registers, and the instruction as this lane executes it.
struct Lane {
  Context* context;
  const Step* step;
  void* address = nullptr;  // of the lane's row, where an instruction takes one

  template <class T>
  T get(unsigned operand) const {
    return context->get<T>(step->slots[operand]);
  }
  template <class T>
  void set(unsigned operand, T value) const {
    context->set(step->slots[operand], value);
  }
};
inline const Lane& lane(void* const* lanes, unsigned i) { return *static_cast<const Lane*>(lanes[i]); }
inline bool in_mask(unsigned mask, unsigned i) { return (mask >> i & 1) != 0; }

}  // namespace attnlab::emulator::ptx
