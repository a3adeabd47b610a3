// The order in which the requests of a block's warps reach the caches.
//
// On a GPU the schedulers change warps often. Here a fiber runs longer, because changing fibers costs time.
// So a warp's requests to global memory wait here, and go on in turns of some events per warp. A turn ends
// early where the warp waits.
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
  static constexpr std::uint64_t kEventsPerTurn = 63;  // basic blocks and accesses

  explicit WarpTurns(memory::RequestStream& stream) : stream_(stream) {}

  void event(unsigned warp) { ++warps_[warp].events; }
  void end_turn(unsigned warp) {
    std::uint64_t& events = warps_[warp].events;
    events = (events + kEventsPerTurn - 1) / kEventsPerTurn * kEventsPerTurn;
  }
  std::uint64_t turn(unsigned warp) const { return warps_[warp].events / kEventsPerTurn; }

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

  static constexpr std::size_t kMost = 1 << 16;  // requests that wait
  memory::RequestStream& stream_;
  std::array<Warp, kWarpSize> warps_;  // a block has at most 32
  std::size_t waiting_ = 0;
  std::uint64_t first_ = 0;  // turns below have gone on
};

}  // namespace attnlab::emulator
