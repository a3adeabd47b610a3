#include "simulator/simt/runtime/worker.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <new>
#include <numeric>

#include "simulator/simt/cuda_headers/driver_types.h"

namespace attnlab::simt {
namespace {

thread_local Worker* active = nullptr;  // while a fiber of this OS thread runs
thread_local unsigned silent_windows = 0;

constexpr unsigned idle_passes = 200000;  // passes in which every thread only yields: a deadlock

}  // namespace

Stacks::Stacks() {
  void* at = mmap(nullptr, count * stride, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (at == MAP_FAILED) throw std::bad_alloc();
  base_ = static_cast<std::byte*>(at);
  for (unsigned lane = 0; lane < count; ++lane) mprotect(base_ + lane * stride, guard_bytes, PROT_NONE);
}

Stacks::~Stacks() { munmap(base_, count * stride); }

Worker::Worker() : account_({stacks_.begin(), stacks_.begin() + Stacks::count * Stacks::stride}) {
  std::iota(lane_order_.begin(), lane_order_.end(), 0u);
}

Worker& Worker::mine() {
  thread_local Worker worker;
  return worker;
}

Worker* Worker::running() { return active; }

std::uint32_t Worker::last_code() const {  // The last event lies one row above the next one's place.
  return cursor == nullptr ? 0 : place_of(*reinterpret_cast<const Code*>(cursor + sizeof(EventRow)));
}

// The running lane is out of room. Without counting, its events go to a scratch table that nobody reads, and
// now and then another thread's turn comes, so that loops that wait for one another end.
bool make_room() {
  Worker* worker = active;
  if (worker == nullptr) return false;
  if (worker->launch().counting) {
    worker->suspend(LaneState::ready);
  } else {
    alignas(table_bytes) static thread_local std::array<EventRow, window + 1> scratch;
    if (++silent_windows % 256 == 0) worker->suspend(LaneState::ready);
    cursor = reinterpret_cast<std::byte*>(&scratch[window]);
  }
  return true;
}

void Worker::begin_launch(LaunchState& launch) {
  launch_ = &launch;
  const Index3 b = launch.shape.block;
  threads_ = b.x * b.y * b.z;
  warps_used_ = (threads_ + warp_size - 1) / warp_size;
  lanes_.resize(std::max<std::size_t>(lanes_.size(), threads_));
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
      lane.context = boost::context::detail::make_fcontext(stacks_.top(i), Stacks::bytes, &Worker::fiber);
    lane.number = i;
    lane.thread = {i % b.x, i / b.x % b.y, i / b.x / b.y};
    lane.state = LaneState::ready;
    lane.async_group = 0;
    lane.copies.clear();
  }
  for (unsigned w = 0; w < warps_used_; ++w) {
    Warp& warp = *warps_[w];
    const unsigned lanes = std::min(warp_size, threads_ - w * warp_size);
    warp.lanes = lanes == warp_size ? full_mask : (1u << lanes) - 1;
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
  const unsigned l = lane.number % warp_size;
  const std::uint32_t used = warp.count[l];
  std::byte* const begin = reinterpret_cast<std::byte*>(&warp.row(used).code[l]);
  if (launch_->counting) cursor = begin;
  lane_ = &lane;
  active = this;
  const auto back = boost::context::detail::jump_fcontext(lane.context, this);
  active = nullptr;
  lane.context = back.fctx;
  if (launch_->counting)
    warp.count[l] = used + static_cast<std::uint32_t>((begin - cursor) / std::ptrdiff_t{sizeof(EventRow)});
  cursor = nullptr;
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
  cursor = nullptr;
  std::longjmp(escape_, 1);
}

void Worker::drain(Warp& warp) {
  unsigned running = 0;
  const unsigned first = warp.number * warp_size;
  for (unsigned l = 0; l < warp_size; ++l)
    if ((warp.lanes >> l & 1) && lanes_[first + l].state == LaneState::ready) running |= 1u << l;
  account_.begin_warp(warp);
  merge(warp, running, account_);
}

// True when some lane of the warp ran.
bool Worker::run_warp(Warp& warp) {
  bool ran = false;
  const unsigned first = warp.number * warp_size;
  if (launch_->seed != 0) std::shuffle(lane_order_.begin(), lane_order_.end(), random_);
  for (const unsigned l : lane_order_) {
    if (!(warp.lanes >> l & 1)) continue;
    Lane& lane = lanes_[first + l];
    if (lane.state != LaneState::ready || (launch_->counting && warp.count[l] == window)) continue;
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

bool Worker::try_collective(Warp& warp, Lane& lane) {
  const unsigned first = warp.number * warp_size;
  unsigned need = 0;
  for (unsigned l = 0; l < warp_size; ++l)
    if ((lane.mask & warp.lanes) >> l & 1) {
      const Lane& other = lanes_[first + l];
      if (other.state == LaneState::exited) continue;
      if (other.state != LaneState::at_warp || other.run != lane.run || other.mask != lane.mask) return false;
      need |= 1u << l;
    }
  std::array<void*, warp_size> arguments{};
  for (unsigned l = 0; l < warp_size; ++l)
    if (need >> l & 1) arguments[l] = lanes_[first + l].arguments;
  if (lane.run != nullptr) lane.run(arguments.data(), need);
  for (unsigned l = 0; l < warp_size; ++l)
    if (need >> l & 1) lanes_[first + l].state = LaneState::ready;
  return true;
}

void Worker::complete_collectives(Warp& warp) {
  for (unsigned l = 0; l < warp_size; ++l) {
    if (!(warp.lanes >> l & 1)) continue;
    Lane& lane = lanes_[warp.number * warp_size + l];
    if (lane.state == LaneState::at_warp) try_collective(warp, lane);
  }
}

void Worker::collective(unsigned mask, void* mine, WarpFunction run, Operation kind, const void* site) {
  const auto code = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(site));
  Lane& lane = *lane_;
  Warp& here = warp();
  const unsigned me = 1u << lane.number % warp_size;
  if (launch_->counting) {
    record(numbered(event_code(Event::operation, static_cast<std::uint64_t>(kind)),
                    reinterpret_cast<std::uintptr_t>(site) >> 48),
           site, 1);
    if (!(mask & me)) {
      account_.finding(FindingKind::divergent_barrier, code, lane.thread, 0,
                       fmt::format("lane {} takes part in a warp operation whose mask {:#010x} leaves it out",
                                   lane.number % warp_size, mask));
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
  const unsigned w = lane.number / warp_size;
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
  for (unsigned i = 0; i < threads_; ++i)
    if (lanes_[i].state == LaneState::at_barrier && lanes_[i].barrier == id) {
      lanes_[i].result = result;
      lanes_[i].state = LaneState::ready;
    }
  barrier = {};
}

bool Worker::complete_barriers() {
  bool any = false;
  for (std::size_t id = 0; id < barriers_.size(); ++id)
    if (barriers_[id].arrived > 0 && barriers_[id].arrived >= barriers_[id].expected) {
      complete(barriers_[id], static_cast<int>(id));
      any = true;
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

// The fibers hold frames that nobody will finish: they start afresh.
void Worker::abandon() {
  for (unsigned i = 0; i < threads_; ++i) {
    lanes_[i].context = nullptr;
    lanes_[i].state = LaneState::exited;
  }
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
    if (ran && !only_yielded_) {
      idle = 0;
      continue;
    }
    if (ran && ++idle < idle_passes) continue;
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
  if (launch_->deliver) launch_->deliver(number, std::move(account_.stream()));
  account_.stream() = {};
  return true;
}

unsigned Worker::active_lanes() const {
  const unsigned first = lane_->number / warp_size * warp_size;
  unsigned mask = 0;
  for (unsigned l = 0; l < warp_size && first + l < threads_; ++l)
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

}  // namespace attnlab::simt
