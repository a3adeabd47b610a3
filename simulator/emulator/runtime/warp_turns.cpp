#include "simulator/emulator/runtime/warp_turns.h"

#include <algorithm>

namespace attnlab::emulator {

void WarpTurns::request(unsigned warp, memory::RequestKind kind, std::span<const std::uint32_t> sectors) {
  Warp& w = warps_[warp];
  w.requests.push_back({turn(warp), static_cast<std::uint32_t>(sectors.size()), kind});
  w.sectors.insert(w.sectors.end(), sectors.begin(), sectors.end());
  if (++waiting_ == kMost) complete_all();  // some warp waits in a loop, for long
}

void WarpTurns::pass_on(Warp& warp, std::uint64_t turn) {
  for (; warp.next < warp.requests.size() && warp.requests[warp.next].turn <= turn; ++warp.next, --waiting_) {
    const Request& request = warp.requests[warp.next];
    stream_.append(request.kind, {warp.sectors.data() + warp.next_sector, request.sectors});
    warp.next_sector += request.sectors;
  }
  if (warp.next < warp.requests.size()) return;
  warp.requests.clear();
  warp.sectors.clear();
  warp.next = warp.next_sector = 0;
}

void WarpTurns::complete(std::uint64_t limit) {
  for (; first_ < limit && waiting_ > 0; ++first_)
    for (Warp& warp : warps_) pass_on(warp, first_);
  first_ = std::max(first_, limit);
}

void WarpTurns::complete_all() {
  std::uint64_t last = 0;
  for (const Warp& warp : warps_)
    if (!warp.requests.empty()) last = std::max(last, warp.requests.back().turn);
  if (waiting_ > 0) complete(last + 1);
  for (Warp& warp : warps_) warp.events = 0;
  first_ = 0;
}

}  // namespace attnlab::emulator
