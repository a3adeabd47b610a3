// In which order the requests of a block's warps come to the caches.
//
// Warps take turns of some events, as a GPU's schedulers let them: a fiber's turn is longer, because changing
// fibers costs time, so what a warp asks of global memory waits here until its place in that order. A turn
// ends early where the warp waits.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "simulator/emulator/device_calls.h"
#include "simulator/memory/request_stream.h"

namespace attnlab::emulator {

class WarpTurns {
 public:
  static constexpr std::uint64_t events_a_turn = 63;  // a basic block or an access each

  explicit WarpTurns(memory::RequestStream& stream) : stream_(stream) {}

  void event(unsigned warp) { ++warps_[warp].events; }
  void end_turn(unsigned warp) {
    std::uint64_t& events = warps_[warp].events;
    events = (events + events_a_turn - 1) / events_a_turn * events_a_turn;
  }
  std::uint64_t turn(unsigned warp) const { return warps_[warp].events / events_a_turn; }

  // A request of the warp's present turn. No sectors: nothing happens.
  void request(unsigned warp, memory::RequestKind kind, std::span<const std::uint32_t> sectors);
  // Turns below `limit` are complete: their requests go on.
  void complete(std::uint64_t limit);
  // All that waits goes on, and turns count from 0 again.
  void complete_all();

 private:
  struct Request {
    std::uint64_t turn;
    std::uint32_t sectors;
    memory::RequestKind kind;
  };
  struct Warp {
    std::uint64_t events = 0;
    std::vector<Request> requests;  // from `next` on they wait
    std::vector<std::uint32_t> sectors;
    std::size_t next = 0, next_sector = 0;
  };
  void pass_on(Warp& warp, std::uint64_t turn);

  static constexpr std::size_t most = 1 << 16;  // requests that wait
  memory::RequestStream& stream_;
  std::array<Warp, warp_size> warps_;  // a block has at most 32
  std::size_t waiting_ = 0;
  std::uint64_t first_ = 0;  // turns below have gone on
};

}  // namespace attnlab::emulator
