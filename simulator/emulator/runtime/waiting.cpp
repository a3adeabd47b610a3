// What the threads of a block wait for: one another, in warp operations and at barriers; and what becomes of
// waits that never end.
#include <fmt/format.h>

#include <algorithm>

#include "simulator/emulator/cuda_headers/driver_types.h"
#include "simulator/emulator/runtime/worker.h"

namespace attnlab::emulator {

bool Worker::try_collective(Warp& warp, Lane& lane) {
  const unsigned first = warp.number * kWarpSize;
  unsigned need = 0;
  for (unsigned l = 0; l < kWarpSize; ++l) {
    if ((lane.mask & warp.lanes) >> l & 1) {
      const Lane& other = lanes_[first + l];
      if (other.state == LaneState::exited) continue;
      if (other.state != LaneState::at_warp || other.run != lane.run || other.mask != lane.mask) return false;
      need |= 1u << l;
    }
  }
  std::array<void*, kWarpSize> arguments{};
  for (unsigned l = 0; l < kWarpSize; ++l)
    if (need >> l & 1) arguments[l] = lanes_[first + l].arguments;
  if (lane.run != nullptr) lane.run(arguments.data(), need);
  for (unsigned l = 0; l < kWarpSize; ++l)
    if (need >> l & 1) lanes_[first + l].state = LaneState::ready;
  return true;
}

void Worker::complete_collectives(Warp& warp) {
  for (unsigned l = 0; l < kWarpSize; ++l) {
    if (!(warp.lanes >> l & 1)) continue;
    Lane& lane = lanes_[warp.number * kWarpSize + l];
    if (lane.state == LaneState::at_warp) try_collective(warp, lane);
  }
}

void Worker::collective(unsigned mask, void* mine, WarpFunction run, Operation kind, const void* site) {
  const auto code = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(site));
  Lane& lane = *lane_;
  Warp& here = warp();
  const unsigned me = 1u << lane.number % kWarpSize;
  if (launch_->counting) {
    record(numbered(event_code(Event::operation, static_cast<std::uint64_t>(kind)),
                    reinterpret_cast<std::uintptr_t>(site) >> 48),
           site, 1);
    if (!(mask & me)) {
      account_.finding(FindingKind::divergent_barrier, code, lane.thread, 0,
                       fmt::format("lane {} takes part in a warp operation whose mask {:#010x} leaves it out",
                                   lane.number % kWarpSize, mask));
    }
  }
  lane.mask = mask | me;
  lane.run = run;
  lane.arguments = mine;
  lane.site = code;
  lane.state = LaneState::at_warp;
  if (!try_collective(here, lane)) suspend(LaneState::at_warp);
}

// The scheduler orders the block's accesses when the lane has stepped aside.
void Worker::order_block() {
  ordered_ = true;
  suspend(LaneState::ready);
}

int Worker::barrier(int id, unsigned threads, BarrierKind kind, int predicate, std::uint32_t code) {
  Barrier& barrier = barriers_.at(static_cast<std::size_t>(id));
  Lane& lane = *lane_;
  const unsigned expected = threads == 0 ? threads_ : threads;
  if (barrier.arrived == 0) {
    barrier.expected = expected;
    barrier.kind = kind;
    barrier.code = code;
    barrier.first = lane.thread;
    barrier.count = 0;
    barrier.warps = 0;
  } else if (launch_->counting && id == 0 && threads == 0 && barrier.code != code) {
    // One barrier, reached from two places: a finding unless both are one line of the source.
    RawFinding* found = nullptr;
    if (account_.findings().add(FindingKind::divergent_barrier, code, found)) {
      found->block = block_index_;
      found->thread = lane.thread;
      found->other_code = barrier.code;
      found->message =
          fmt::format("waits at this barrier while thread ({},{},{}) of the same block waits at another one",
                      barrier.first.x, barrier.first.y, barrier.first.z);
    }
  }
  ++barrier.arrived;
  barrier.count += predicate != 0;
  const unsigned w = lane.number / kWarpSize;
  if (!(barrier.warps >> w & 1)) {
    barrier.warps |= 1u << w;
    if (launch_->counting) account_.count(code, Metric::barriers);
  }
  barrier_arrival_ = true;
  if (kind == BarrierKind::arrive) return 0;
  lane.barrier = id;
  lane.site = code;
  suspend(LaneState::at_barrier);
  return lane.result;
}

void Worker::complete(Barrier& barrier, int id) {
  if (launch_->counting)
    for (const unsigned w : warp_order_) drain(*warps_[w]);
  account_.barrier();
  int result = 0;
  switch (barrier.kind) {
    case BarrierKind::count:
      result = static_cast<int>(barrier.count);
      break;
    case BarrierKind::logical_and:
      result = barrier.count == barrier.arrived;
      break;
    case BarrierKind::logical_or:
      result = barrier.count > 0;
      break;
    default:
      break;
  }
  for (unsigned i = 0; i < threads_; ++i) {
    if (lanes_[i].state == LaneState::at_barrier && lanes_[i].barrier == id) {
      lanes_[i].result = result;
      lanes_[i].state = LaneState::ready;
    }
  }
  barrier = {};
}

bool Worker::complete_barriers() {
  bool any = false;
  for (std::size_t id = 0; id < barriers_.size(); ++id) {
    if (barriers_[id].arrived > 0 && barriers_[id].arrived >= barriers_[id].expected) {
      complete(barriers_[id], static_cast<int>(id));
      any = true;
    }
  }
  return any;
}

std::string Worker::whereabouts() const {
  std::array<unsigned, 5> count{};
  for (unsigned i = 0; i < threads_; ++i) ++count[static_cast<std::size_t>(lanes_[i].state)];
  return fmt::format("{} threads at a barrier, {} in a warp operation, {} exited, of {}",
                     count[static_cast<std::size_t>(LaneState::at_barrier)],
                     count[static_cast<std::size_t>(LaneState::at_warp)],
                     count[static_cast<std::size_t>(LaneState::exited)], threads_);
}

// No thread can run. A barrier that only waits for threads that have exited is reported and opened, as the
// hardware would; anything else is a deadlock, which ends the launch. False: ended.
bool Worker::resolve_stuck() {
  const unsigned exited = threads_ - alive_;
  for (std::size_t id = 0; id < barriers_.size(); ++id) {
    Barrier& barrier = barriers_[id];
    if (barrier.arrived == 0 || barrier.arrived + exited < barrier.expected) continue;
    account_.finding(FindingKind::missing_arrival, barrier.code, barrier.first, 0,
                     fmt::format("{} of {} threads wait at this barrier; the others have left the kernel",
                                 barrier.arrived, barrier.expected));
    complete(barrier, static_cast<int>(id));
    return true;
  }
  for (unsigned i = 0; i < threads_; ++i) {
    const Lane& lane = lanes_[i];
    if (lane.state != LaneState::at_barrier && lane.state != LaneState::at_warp) continue;
    const bool at_barrier = lane.state == LaneState::at_barrier;
    account_.finding(
        at_barrier ? FindingKind::missing_arrival : FindingKind::deadlock, lane.site, lane.thread, 0,
        fmt::format(
            "waits for ever {}: {}",
            at_barrier ? "at this barrier" : fmt::format("in a warp operation with mask {:#010x}", lane.mask),
            whereabouts()));
    if (!at_barrier || i + 1 == threads_) break;
    // One finding for every place where threads wait.
    bool elsewhere = false;
    for (unsigned j = i + 1; j < threads_ && !elsewhere; ++j)
      elsewhere = lanes_[j].state != LaneState::exited && lanes_[j].site != lane.site;
    if (!elsewhere) break;
  }
  if (std::none_of(lanes_.begin(), lanes_.begin() + threads_, [](const Lane& lane) {
        return lane.state == LaneState::at_barrier || lane.state == LaneState::at_warp;
      }))
    account_.finding(FindingKind::deadlock, lanes_[0].site, lanes_[0].thread, 0,
                     "every thread of the block waits in a loop for a value that nobody writes");
  int none = 0;
  launch_->error.compare_exchange_strong(none, cudaErrorLaunchTimeout);
  return false;
}

}  // namespace attnlab::emulator
