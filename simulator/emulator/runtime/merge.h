// From the events of 32 lanes to the requests of a warp.
//
// Lanes that execute the same instruction together make one request. Their lists tell which: as long as place
// k of every list holds the same code address, it is one instruction of the whole warp. Where the addresses
// differ the warp has diverged, and the lanes at the smallest code address go first ("min-PC"): code is laid
// out in program order (-fno-reorder-blocks), so lanes inside a branch or a loop run before the ones that
// wait behind it, and all meet again where the branches join: at its immediate post-dominator. The rule is
// the one of S. Collange, "Stack-less SIMT reconvergence at low cost" (2011).
#pragma once

#include <algorithm>

#include "simulator/emulator/runtime/lane.h"

namespace attnlab::emulator {

// A request's lanes: value[l] is meaningful for the lanes of mask; for the others it repeats that of a lane
// of mask, so that sums over all 32 need no branch.
struct Row {
  Code code;
  unsigned mask;
  const std::uint64_t* value;  // of a basic block: anything
  bool one_value;              // all lanes' are known to be equal
  bool diverged;               // lanes that run are elsewhere
};

// Hands the warp's events, merged, to sink(const Row&), oldest first, as far as their order is settled: a
// lane of `running` whose list is empty may still produce an event that comes before those of the others.
// What is left over stays at the front of the lists.
template <class Sink>
void merge(Warp& warp, unsigned running, Sink& sink);

namespace detail {

// How the lists of several lanes compare, place by place: bits that are set in `codes` and `values` are those
// in which some lane's event differs from the first lane's.
struct Comparison {
  alignas(64) std::array<std::uint64_t, window> codes{}, values{};
};

// A loop that compilers turn into vector instructions.
inline void gather_differences(std::uint64_t* __restrict bits, const std::uint64_t* __restrict a,
                               const std::uint64_t* __restrict b, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) bits[i] |= a[i] ^ b[i];
}

// The first `rows` places, or some more, of the lanes of mask.
inline Comparison compare(const Warp& warp, unsigned mask, std::size_t rows) {
  constexpr std::size_t vector = 8;
  static_assert(window % vector == 0);
  rows = (rows + vector - 1) / vector * vector;  // whole vectors
  Comparison result;
  const EventList& first = warp.events[static_cast<unsigned>(__builtin_ctz(mask))];
  for (unsigned left = mask & (mask - 1); left != 0; left &= left - 1) {
    const EventList& list = warp.events[static_cast<unsigned>(__builtin_ctz(left))];
    gather_differences(result.codes.data(), list.code.data(), first.code.data(), rows);
    gather_differences(result.values.data(), list.value.data(), first.value.data(), rows);
  }
  return result;
}

// Moves what was not merged to the front.
inline void compact(Warp& warp, std::array<std::uint32_t, warp_size>& front) {
  for (unsigned l = 0; l < warp_size; ++l) {
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
  std::array<std::uint32_t, warp_size> front{};
  unsigned pending = 0;
  std::uint32_t rows = window, most = 0;
  for (unsigned l = 0; l < warp_size; ++l)
    if (warp.count[l] > 0) {
      pending |= 1u << l;
      rows = std::min(rows, warp.count[l]);
      most = std::max(most, warp.count[l]);
    }
  if (pending == 0) return;
  running &= warp.lanes;
  if (running & ~pending) {  // unless a lane is starving, wait for those without an event
    if (most < window || ++warp.starved < 16) return;
  }

  alignas(64) std::array<std::uint64_t, warp_size> values;
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
      } else if (pending == full_mask) {
        for (unsigned l = 0; l < warp_size; ++l) values[l] = warp.events[l].value[k];
      } else {
        std::uint64_t last = warp.events[lead].value[k];
        for (unsigned l = 0; l < warp_size; ++l)
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
  for (unsigned l = 0; l < warp_size; ++l) front[l] = pending >> l & 1 ? k : 0;

  bool progress = k > 0;
  for (;;) {
    unsigned left = 0;
    Code first = ~Code{0};  // the earliest in the program
    for (unsigned l = 0; l < warp_size; ++l)
      if (front[l] < warp.count[l]) {
        left |= 1u << l;
        first = std::min(first, order_of(warp.events[l].code[front[l]]));
      }
    if (left == 0) break;
    if ((running & ~left) && (warp.starved < 16 || progress)) break;
    unsigned group = 0;
    for (unsigned l = 0; l < warp_size; ++l)
      if ((left >> l & 1) && order_of(warp.events[l].code[front[l]]) == first) group |= 1u << l;
    const auto leader = static_cast<unsigned>(__builtin_ctz(group));
    const Code code = warp.events[leader].code[front[leader]];
    std::uint64_t last = warp.events[leader].value[front[leader]];
    for (unsigned l = 0; l < warp_size; ++l) {
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
