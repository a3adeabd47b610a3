// Merges the events of 32 lanes into the requests of a warp.
//
// Each lane has a list of events. While event k has the same code address in every list, it is one
// instruction of the whole warp, and makes one request. Where the addresses differ, the warp has diverged.
// Then the lanes at the smallest code address go first ("min-PC": S. Collange, "Stack-less SIMT reconvergence
// at low cost", 2011). Code lies in program order (-fno-reorder-blocks), so lanes inside a branch or a loop
// come before the lanes that wait behind it. All lanes meet again where the branches join: at the immediate
// post-dominator.
#pragma once

#include <algorithm>

#include "simulator/emulator/runtime/lane.h"

namespace attnlab::emulator {

// One merged event. value[l] is valid for the lanes in mask. For the other lanes it repeats the value of a
// lane in mask, so that loops over all 32 need no branch.
struct Row {
  Code code;
  unsigned mask;
  const std::uint64_t* value;  // undefined for a basic block
  bool one_value;              // all values are known to be equal
  bool diverged;               // some running lanes are elsewhere
};

// Calls sink(const Row&) for the warp's merged events, oldest first, as far as their order is settled. It is
// not settled while a lane of `running` has an empty list: its next event may come before those of the
// others. The rest stays at the front of the lists.
template <class Sink>
void merge(Warp& warp, unsigned running, Sink& sink);

namespace detail {

// The lists of several lanes compared with the first lane's list, event by event. A bit is set in `codes` or
// `values` where it differs in some lane.
struct Comparison {
  alignas(64) std::array<std::uint64_t, kWindow> codes{}, values{};
};

// A loop that compilers turn into vector instructions.
inline void gather_differences(std::uint64_t* __restrict bits, const std::uint64_t* __restrict a,
                               const std::uint64_t* __restrict b, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) bits[i] |= a[i] ^ b[i];
}

// Compares the first `rows` events, or a few more, of the lanes in mask.
inline Comparison compare(const Warp& warp, unsigned mask, std::size_t rows) {
  constexpr std::size_t kVector = 8;
  static_assert(kWindow % kVector == 0);
  rows = (rows + kVector - 1) / kVector * kVector;  // whole vectors
  Comparison result;
  const EventList& first = warp.events[static_cast<unsigned>(__builtin_ctz(mask))];
  for (unsigned left = mask & (mask - 1); left != 0; left &= left - 1) {
    const EventList& list = warp.events[static_cast<unsigned>(__builtin_ctz(left))];
    gather_differences(result.codes.data(), list.code.data(), first.code.data(), rows);
    gather_differences(result.values.data(), list.value.data(), first.value.data(), rows);
  }
  return result;
}

// Moves events that were not merged to the front of their lists.
inline void compact(Warp& warp, std::array<std::uint32_t, kWarpSize>& front) {
  for (unsigned l = 0; l < kWarpSize; ++l) {
    EventList& list = warp.events[l];
    if (front[l] > 0) {
      std::copy(&list.code[front[l]], list.code.data() + warp.count[l], list.code.data());
      std::copy(&list.value[front[l]], list.value.data() + warp.count[l], list.value.data());
    }
    warp.count[l] -= front[l];
  }
}

}  // namespace detail

template <class Sink>
void merge(Warp& warp, unsigned running, Sink& sink) {
  std::array<std::uint32_t, kWarpSize> front{};
  unsigned pending = 0;
  std::uint32_t rows = kWindow, most = 0;
  for (unsigned l = 0; l < kWarpSize; ++l) {
    if (warp.count[l] > 0) {
      pending |= 1u << l;
      rows = std::min(rows, warp.count[l]);
      most = std::max(most, warp.count[l]);
    }
  }
  if (pending == 0) return;
  running &= warp.lanes;
  if (running & ~pending) {  // wait for lanes without an event, unless a full list waits for too long
    if (most < kWindow || ++warp.starved < 16) return;
  }

  alignas(64) std::array<std::uint64_t, kWarpSize> values;
  const auto lead = static_cast<unsigned>(__builtin_ctz(pending));
  const bool others_run = (running & ~pending) != 0;
  const detail::Comparison differ = detail::compare(warp, pending, rows);
  std::uint32_t k = 0;
  for (; k < rows && differ.codes[k] == 0; ++k) {
    const Code code = warp.events[lead].code[k];
    const bool one_value = differ.values[k] == 0;
    if (kind_of(code) != Event::block_entered) {
      if (one_value) {
        values.fill(warp.events[lead].value[k]);
      } else if (pending == kFullMask) {
        for (unsigned l = 0; l < kWarpSize; ++l) values[l] = warp.events[l].value[k];
      } else {
        std::uint64_t last = warp.events[lead].value[k];
        for (unsigned l = 0; l < kWarpSize; ++l)
          values[l] = last = pending >> l & 1 ? warp.events[l].value[k] : last;
      }
    }
    sink(Row{code, pending, values.data(), one_value, others_run});
  }
  if (k == most) {  // the usual end: nothing is left
    warp.count = {};
    warp.starved = 0;
    return;
  }
  for (unsigned l = 0; l < kWarpSize; ++l) front[l] = pending >> l & 1 ? k : 0;

  bool progress = k > 0;
  for (;;) {
    unsigned left = 0;
    Code first = ~Code{0};  // the earliest in the program
    for (unsigned l = 0; l < kWarpSize; ++l) {
      if (front[l] < warp.count[l]) {
        left |= 1u << l;
        first = std::min(first, order_of(warp.events[l].code[front[l]]));
      }
    }
    if (left == 0) break;
    if ((running & ~left) && (warp.starved < 16 || progress)) break;
    unsigned group = 0;
    for (unsigned l = 0; l < kWarpSize; ++l)
      if ((left >> l & 1) && order_of(warp.events[l].code[front[l]]) == first) group |= 1u << l;
    const auto leader = static_cast<unsigned>(__builtin_ctz(group));
    const Code code = warp.events[leader].code[front[leader]];
    std::uint64_t last = warp.events[leader].value[front[leader]];
    for (unsigned l = 0; l < kWarpSize; ++l) {
      if (group >> l & 1) last = warp.events[l].value[front[l]++];
      values[l] = last;
    }
    progress = true;
    sink(Row{code, group, values.data(), false, ((left | running) & ~group) != 0});
  }
  if (progress) warp.starved = 0;
  detail::compact(warp, front);
}

}  // namespace attnlab::emulator
