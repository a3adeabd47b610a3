// Which lanes of a warp are at the same instruction: __activemask and coalesced_threads.
//
// A GPU's warp has its lanes side by side; here they come one after the other. So a lane that asks waits
// until every lane of its warp has asked too, at whatever place, or waits for something else, or has exited.
// Those that asked at one place are active together.
#include <array>
#include <cstdint>
#include <vector>

#include "simulator/simt/builtins/warp.h"
#include "simulator/simt/device.h"
#include "simulator/simt/runtime/worker.h"

namespace attnlab::simt::calls {
namespace {

struct Warp {
  unsigned waiting = 0;
  std::array<const void*, warp_size> place{};
  std::array<unsigned, warp_size> answer{};
};

// Of the block that this OS thread runs.
struct Block {
  std::uint64_t launch = 0, number = 0;
  std::vector<Warp> warps;
};

Warp& warp_of(Worker& worker) {
  static thread_local Block block;
  if (block.launch != worker.launch().race_epoch || block.number != worker.block_number())
    block = {worker.launch().race_epoch, worker.block_number(), std::vector<Warp>(warp_size)};
  return block.warps[warp_id()];
}

void answer(Warp& warp) {
  for (unsigned lane = 0; lane < warp_size; ++lane) {
    warp.answer[lane] = 0;
    for (unsigned other = 0; other < warp_size; ++other)
      if ((warp.waiting >> other & 1) != 0 && warp.place[other] == warp.place[lane])
        warp.answer[lane] |= 1u << other;
  }
  warp.waiting = 0;
}

}  // namespace

unsigned active_lanes() {
  const void* place = __builtin_return_address(0);
  Worker* worker = Worker::running();
  if (worker == nullptr) return active_mask();  // which says that only a kernel may ask
  const unsigned lane = lane_id(), me = 1u << lane;
  Warp& warp = warp_of(*worker);
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

}  // namespace attnlab::simt::calls
