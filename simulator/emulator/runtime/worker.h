// An OS thread that runs thread blocks: the fibers of one block's threads, their scheduling, and what they
// wait for.
//
// Threads of a warp run one after the other until each waits, exits or has filled its window of events; then
// the warp's events are merged and accounted for, and the next warp's turn comes. A seed other than 0
// shuffles warps and lanes every time and lets some wait, so that an order on which a wrong program happened
// to rely does not last.
#pragma once

#include <array>
#include <atomic>
#include <csetjmp>
#include <cstdint>
#include <functional>
#include <random>
#include <vector>

#include "simulator/emulator/launch.h"
#include "simulator/emulator/runtime/account.h"
#include "simulator/emulator/runtime/lane.h"

namespace attnlab::emulator {

// What the workers of one launch share.
struct LaunchState {
  LaunchShape shape;
  void (*body)(void*) = nullptr;
  void* arguments = nullptr;
  Range parameters;  // where the kernel's arguments lie: its constant bank
  bool counting = true;
  bool hooks = true;  // the body has them: accesses leave events, even when nobody counts
  std::uint64_t seed = 0;
  std::uint64_t blocks = 0;
  unsigned resident_blocks = 1, sms = 1;
  std::uint64_t race_epoch = 0;
  // Blocks run on several OS threads: atomics take turns, so that results do not depend on time.
  bool ordered = false;

  std::atomic<int> error{0};  // a cudaError_t that ends the launch
  std::atomic<std::uint64_t> next_block{0};
  std::atomic<std::uint64_t> finished{0};                               // all blocks below have ended
  std::function<void(std::uint64_t, memory::RequestStream&&)> deliver;  // a block's requests
  std::function<void()> grid_barrier;  // cooperative: returns when every block's thread has called
};

class Worker {
 public:
  Worker();
  static Worker& mine();     // this OS thread's; made on first use
  static Worker* running();  // null while this OS thread runs no CUDA thread

  void begin_launch(LaunchState& launch);
  // Runs one block to its end; false when the launch was ended by an error.
  bool run_block(std::uint64_t number);

  Account& account() { return account_; }
  LaunchState& launch() { return *launch_; }
  Lane& lane() { return *lane_; }
  Warp& warp() { return *warps_[lane_->number / kWarpSize]; }
  Index3 block_index() const { return block_index_; }
  std::uint64_t block_number() const { return block_; }
  // Of the running lane, for faults; r11: that register's value, since instrumented code keeps the place of
  // its next event there (translate/assembly.cpp).
  std::uint32_t last_code(std::uintptr_t r11) const;

  // Called from fibers.
  void suspend(LaneState state);
  void yield();
  int barrier(int id, unsigned threads, BarrierKind kind, int predicate, std::uint32_t code);
  void collective(unsigned mask, void* mine, WarpFunction run, Operation kind, const void* site);
  void order_block();
  unsigned active_lanes() const;  // of the running lane's warp
  void wait_turn();               // until all lower blocks have ended
  [[noreturn]] void stop(int error);
  // Called from a signal handler: leaves the fiber and ends the launch.
  [[noreturn]] void fault();
  [[noreturn]] void report_fault(std::uintptr_t address, std::uintptr_t r11);
  [[noreturn]] void report_division(std::uintptr_t instruction);
  void report_timeout();

 private:
  struct Barrier {
    unsigned expected = 0, arrived = 0;
    unsigned count = 0;  // of true predicates
    BarrierKind kind = BarrierKind::sync;
    std::uint32_t code = 0;   // of the first arrival
    std::uint32_t warps = 0;  // that have been counted
    Index3 first{};
  };

  static void fiber(boost::context::detail::transfer_t from);
  bool run_warp(Warp& warp);
  void resume(Warp& warp, Lane& lane);
  void drain(Warp& warp);
  void complete_collectives(Warp& warp);
  bool try_collective(Warp& warp, Lane& lane);
  void complete(Barrier& barrier, int id);
  bool complete_barriers();
  void complete_turns();
  bool resolve_stuck();
  void begin_block(std::uint64_t number);
  void abandon();
  std::string whereabouts() const;

  Stacks stacks_;
  Account account_;
  std::vector<Lane> lanes_;
  std::vector<std::unique_ptr<Warp>> warps_;
  std::vector<unsigned> warp_order_;
  std::array<unsigned, kWarpSize> lane_order_{};
  std::array<Barrier, 16> barriers_{};
  std::mt19937_64 random_;

  LaunchState* launch_ = nullptr;
  Lane* lane_ = nullptr;
  std::uint32_t last_place_ = 0;  // of the newest event of the lane that ran last
  boost::context::detail::fcontext_t scheduler_ = nullptr;
  std::uint64_t block_ = 0;
  Index3 block_index_{};
  unsigned threads_ = 0, warps_used_ = 0, alive_ = 0;
  bool only_yielded_ = true, barrier_arrival_ = false, ordered_ = false, exits_ = false,
       waits_at_grid_ = false;
  std::jmp_buf escape_;
};

}  // namespace attnlab::emulator
