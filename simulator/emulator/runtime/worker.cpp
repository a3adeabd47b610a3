#include "simulator/emulator/runtime/worker.h"

#include <algorithm>
#include <numeric>

#include "simulator/emulator/runtime/clock.h"

namespace attnlab::emulator {
namespace {

thread_local Worker* active = nullptr;  // while a fiber of this OS thread runs
thread_local unsigned silent_windows = 0;

constexpr unsigned kIdlePasses = 200000;  // passes in which every thread only yields: a deadlock

}  // namespace

Worker::Worker() : account_({stacks_.begin(), stacks_.begin() + Stacks::kCount * Stacks::kStride}) {
  std::iota(lane_order_.begin(), lane_order_.end(), 0u);
}

Worker& Worker::mine() {
  thread_local Worker worker;
  return worker;
}

Worker* Worker::running() { return active; }

std::uint32_t Worker::last_code(std::uintptr_t r11) const {
  const auto [next, end] = attnlab_emulator_events;
  if (!launch_->hooks || next == nullptr) return 0;
  // What memory says is old while the fault is in instrumented code itself.
  const auto at = reinterpret_cast<std::uintptr_t>(next), last = reinterpret_cast<std::uintptr_t>(end);
  const Code* const newest = r11 > at && r11 <= last ? next + (r11 - at) / sizeof(Code) : next;
  return newest == end - kWindow ? 0 : place_of(newest[-1]);
}

// The running lane is out of room. Without counting, its events go to a scratch table that nobody reads, and
// now and then another thread's turn comes, so that loops that wait for one another end.
bool make_room() {
  Worker* worker = active;
  if (worker == nullptr) return false;
  if (worker->launch().counting) {
    worker->suspend(LaneState::ready);
  } else {
    static thread_local EventList scratch;
    if (++silent_windows % 256 == 0) worker->suspend(LaneState::ready);
    attnlab_emulator_events = {scratch.code.begin(), scratch.code.end()};
  }
  return true;
}

void Worker::begin_launch(LaunchState& launch) {
  launch_ = &launch;
  const Index3 b = launch.shape.block;
  threads_ = b.x * b.y * b.z;
  warps_used_ = (threads_ + kWarpSize - 1) / kWarpSize;
  lanes_.resize(std::max<std::size_t>(lanes_.size(), threads_));
  stacks_.guard(threads_);
  while (warps_.size() < warps_used_) {
    warps_.push_back(std::make_unique<Warp>());
    warps_.back()->number = static_cast<unsigned>(warps_.size() - 1);
  }
  warp_order_.resize(warps_used_);
  std::iota(warp_order_.begin(), warp_order_.end(), 0u);
  std::iota(lane_order_.begin(), lane_order_.end(), 0u);
  account_.begin_launch(launch.shape.grid, b, launch.shape.dynamic_shared_bytes, launch.parameters,
                        launch.race_epoch);
}

void Worker::begin_block(std::uint64_t number) {
  const Index3 grid = launch_->shape.grid, b = launch_->shape.block;
  block_ = number;
  block_index_ = {static_cast<unsigned>(number % grid.x), static_cast<unsigned>(number / grid.x % grid.y),
                  static_cast<unsigned>(number / grid.x / grid.y)};
  for (unsigned i = 0; i < threads_; ++i) {
    Lane& lane = lanes_[i];
    if (lane.context == nullptr)
      lane.context = boost::context::detail::make_fcontext(stacks_.top(i), Stacks::kBytes, &Worker::fiber);
    lane.number = i;
    lane.thread = {i % b.x, i / b.x % b.y, i / b.x / b.y};
    lane.state = LaneState::ready;
    lane.async_group = 0;
    lane.copies.clear();
  }
  for (unsigned w = 0; w < warps_used_; ++w) {
    Warp& warp = *warps_[w];
    const unsigned lanes = std::min(kWarpSize, threads_ - w * kWarpSize);
    warp.lanes = lanes == kWarpSize ? kFullMask : (1u << lanes) - 1;
    warp.count = {};
    warp.starved = 0;
    ++warp.epoch;
  }
  alive_ = threads_;
  barriers_ = {};
  barrier_arrival_ = ordered_ = exits_ = waits_at_grid_ = false;
  account_.begin_block(number, block_index_);
  if (launch_->seed != 0) random_.seed(launch_->seed * 0x9e3779b97f4a7c15ull + number);
}

void Worker::fiber(boost::context::detail::transfer_t from) {
  auto& worker = *static_cast<Worker*>(from.data);
  worker.scheduler_ = from.fctx;
  for (;;) {
    worker.launch_->body(worker.launch_->arguments);
    worker.suspend(LaneState::exited);
  }
}

void Worker::resume(Warp& warp, Lane& lane) {
  const unsigned l = lane.number % kWarpSize;
  std::array<Code, kWindow>& list = warp.events[l].code;
  if (launch_->counting) attnlab_emulator_events = {list.begin() + warp.count[l], list.end()};
  lane_ = &lane;
  active = this;
  const auto back = boost::context::detail::jump_fcontext(lane.context, this);
  active = nullptr;
  lane.context = back.fctx;
  if (launch_->counting) {
    warp.count[l] = static_cast<std::uint32_t>(attnlab_emulator_events.next - list.begin());
    if (warp.count[l] != 0) last_place_ = place_of(list[warp.count[l] - 1]);
  }
  attnlab_emulator_events = {};
}

void Worker::suspend(LaneState state) {
  lane_->state = state;
  only_yielded_ = false;
  if (state == LaneState::exited) {
    --alive_;
    exits_ = true;
  }
  waits_at_grid_ |= state == LaneState::at_grid;
  const auto back = boost::context::detail::jump_fcontext(scheduler_, nullptr);
  scheduler_ = back.fctx;
}

void Worker::yield() {
  lane_->state = LaneState::ready;
  const auto back = boost::context::detail::jump_fcontext(scheduler_, nullptr);
  scheduler_ = back.fctx;
}

void Worker::stop(int error) {
  int none = 0;
  launch_->error.compare_exchange_strong(none, error);
  for (;;) suspend(LaneState::ready);  // the scheduler sees the error and never comes back
}

void Worker::fault() {
  active = nullptr;
  attnlab_emulator_events = {};
  std::longjmp(escape_, 1);
}

void Worker::drain(Warp& warp) {
  unsigned running = 0;
  const unsigned first = warp.number * kWarpSize;
  for (unsigned l = 0; l < kWarpSize; ++l)
    if ((warp.lanes >> l & 1) && lanes_[first + l].state == LaneState::ready) running |= 1u << l;
  account_.begin_warp(warp);
  merge(warp, running, account_);
}

// True when some lane of the warp ran.
bool Worker::run_warp(Warp& warp) {
  bool ran = false;
  const unsigned first = warp.number * kWarpSize;
  if (launch_->seed != 0) std::shuffle(lane_order_.begin(), lane_order_.end(), random_);
  for (const unsigned l : lane_order_) {
    if (!(warp.lanes >> l & 1)) continue;
    Lane& lane = lanes_[first + l];
    if (lane.state != LaneState::ready || (launch_->counting && warp.count[l] == kWindow)) continue;
    ran = true;
    if (launch_->seed != 0 && random_() % 4 == 0) continue;  // not now: the others run ahead
    resume(warp, lane);
    if (launch_->error.load(std::memory_order_relaxed) != 0) return true;
  }
  if (exits_) {  // who waited for a thread that has exited waits no longer
    exits_ = false;
    complete_collectives(warp);
  }
  if (launch_->counting) drain(warp);
  return ran;
}

// The fibers hold frames that nobody will finish: they start afresh.
void Worker::abandon() {
  for (unsigned i = 0; i < threads_; ++i) {
    lanes_[i].context = nullptr;
    lanes_[i].state = LaneState::exited;
  }
}

// Turns in which no running warp is any more.
void Worker::complete_turns() {
  std::uint64_t limit = ~std::uint64_t{0};
  for (unsigned w = 0; w < warps_used_; ++w) {
    const unsigned end = std::min(threads_, (w + 1) * kWarpSize);
    if (std::any_of(&lanes_[w * kWarpSize], lanes_.data() + end,
                    [](const Lane& lane) { return lane.state == LaneState::ready; }))
      limit = std::min(limit, account_.turns().turn(w));
    else
      account_.turns().end_turn(w);
  }
  if (limit != ~std::uint64_t{0}) account_.turns().complete(limit);
}

bool Worker::run_block(std::uint64_t number) {
  begin_block(number);
  if (setjmp(escape_) != 0) {  // a fault in a kernel: from here the launch is over
    abandon();
    return false;
  }
  unsigned idle = 0;
  while (alive_ > 0) {
    bool ran = false;
    only_yielded_ = true;
    if (launch_->seed != 0) std::shuffle(warp_order_.begin(), warp_order_.end(), random_);
    for (const unsigned w : warp_order_) {
      ran |= run_warp(*warps_[w]);
      if (time_is_up()) report_timeout();
      if (launch_->error.load(std::memory_order_relaxed) != 0) {
        abandon();
        return false;
      }
      if (ordered_) {
        ordered_ = false;
        if (launch_->counting)
          for (const unsigned other : warp_order_) drain(*warps_[other]);
        account_.barrier();
      }
      if (barrier_arrival_) {
        barrier_arrival_ = false;
        ran |= complete_barriers();
      }
    }
    if (launch_->counting) complete_turns();
    if (ran && !only_yielded_) {
      idle = 0;
      continue;
    }
    if (ran && ++idle < kIdlePasses) continue;
    if (alive_ == 0) break;
    if (waits_at_grid_ && std::all_of(lanes_.begin(), lanes_.begin() + threads_, [](const Lane& lane) {
          return lane.state == LaneState::at_grid || lane.state == LaneState::exited;
        })) {
      for (const unsigned w : warp_order_) drain(*warps_[w]);
      launch_->grid_barrier();
      account_.grid_barrier();
      waits_at_grid_ = false;
      for (unsigned i = 0; i < threads_; ++i)
        if (lanes_[i].state == LaneState::at_grid) lanes_[i].state = LaneState::ready;
      continue;
    }
    if (!resolve_stuck()) {
      abandon();
      return false;
    }
  }
  if (launch_->counting)
    for (unsigned w = 0; w < warps_used_; ++w) drain(*warps_[w]);
  account_.turns().complete_all();
  if (launch_->deliver) launch_->deliver(number, std::move(account_.stream()));
  account_.stream() = {};
  return true;
}

unsigned Worker::active_lanes() const {
  const unsigned first = lane_->number / kWarpSize * kWarpSize;
  unsigned mask = 0;
  for (unsigned l = 0; l < kWarpSize && first + l < threads_; ++l)
    if (lanes_[first + l].state == LaneState::ready) mask |= 1u << l;
  return mask;
}

void Worker::wait_turn() {
  if (!launch_->ordered) return;
  for (std::uint64_t done = launch_->finished.load(); done < block_; done = launch_->finished.load()) {
    if (launch_->error.load() != 0) return;
    launch_->finished.wait(done);
  }
}

}  // namespace attnlab::emulator
