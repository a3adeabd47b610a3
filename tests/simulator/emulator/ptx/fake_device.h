// A stand-in for the emulator under the PTX interpreter: it implements simulator/emulator/device_calls.h for
// one warp, whose lanes are fibers that run one after the other, and writes down what it was told.
//
// Tests link it instead of the emulator's runtime, so that they show the interpreter alone.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "simulator/emulator/device_calls.h"

namespace attnlab::emulator::fake {

struct Access {
  enum class Kind { load, store, atomic, reduction } kind;
  const void* address;
  unsigned bytes;
  unsigned lane;
  const void* site;
};
struct Barrier {
  int id;
  unsigned threads;
  BarrierKind kind;
  int predicate;
  unsigned lane;
};

// Thrown where the emulator would stop the launch.
struct Stopped : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// What was asked of the device since reset().
struct Device {
  std::vector<Access> accesses;
  std::map<Operation, std::uint64_t> operations;
  std::vector<Barrier> barriers;
  std::vector<unsigned> syncwarp_masks;
  unsigned yields = 0;
  unsigned orderings = 0;
  unsigned bypassing_copies = 0, loads_bypassing_l1 = 0;
};
extern thread_local Device device;  // each thread of the host takes its own notes
extern std::array<unsigned char, 32768> shared_memory;
inline constexpr std::uint32_t shared_begin = 1024;  // the offset of its first byte in the shared window

void reset();
// Runs body(lane) for the first `lanes` lanes of a warp; rethrows the first exception of a lane.
void run_warp(const std::function<void(unsigned lane)>& body, unsigned lanes = kWarpSize);

}  // namespace attnlab::emulator::fake
