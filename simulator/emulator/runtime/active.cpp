// Which lanes of a warp are at the same instruction: __activemask, coalesced_threads and PTX's activemask.
//
// A GPU's warp has its lanes side by side; here they come one after the other. So a lane that asks waits
// until every lane of its warp has asked too, at whatever place, or waits for something else, or has exited.
// Those that asked at one place are active together.
#include <array>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "simulator/emulator/runtime/worker.h"

namespace attnlab::emulator {
namespace {

struct AskingWarp {
  unsigned waiting = 0;
  std::array<const void*, kWarpSize> place{};
  std::array<unsigned, kWarpSize> answer{};
};

// Of the block that this OS thread runs.
struct Block {
  std::uint64_t launch = 0, number = 0;
  std::vector<AskingWarp> warps;
};

AskingWarp& warp_of(Worker& worker) {
  static thread_local Block block;
  if (block.launch != worker.launch().race_epoch || block.number != worker.block_number())
    block = {worker.launch().race_epoch, worker.block_number(), std::vector<AskingWarp>(kWarpSize)};
  return block.warps[warp_id()];
}

void answer(AskingWarp& warp) {
  for (unsigned lane = 0; lane < kWarpSize; ++lane) {
    warp.answer[lane] = 0;
    for (unsigned other = 0; other < kWarpSize; ++other) {
      if ((warp.waiting >> other & 1) != 0 && warp.place[other] == warp.place[lane])
        warp.answer[lane] |= 1u << other;
    }
  }
  warp.waiting = 0;
}

}  // namespace

unsigned active_mask(const void* site) {
  const void* const place = site != nullptr ? site : __builtin_return_address(0);
  Worker* worker = Worker::running();
  if (worker == nullptr) throw std::logic_error("__activemask was called from host code; only a kernel may");
  const unsigned lane = lane_id(), me = 1u << lane;
  AskingWarp& warp = warp_of(*worker);
  warp.place[lane] = place;
  warp.waiting |= me;
  while ((warp.waiting & me) != 0) {
    if ((worker->active_lanes() & ~warp.waiting) == 0)
      answer(warp);
    else
      yield();
  }
  return warp.answer[lane];
}

}  // namespace attnlab::emulator
