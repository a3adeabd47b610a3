// From the events of 32 lanes to the requests of a warp.
//
// Lanes that execute the same instruction together make one request. Their lists tell which: as long as row k
// of every lane holds the same code address, row k is one instruction of the whole warp. Where the addresses
// differ the warp has diverged, and the lanes at the smallest code address go first ("min-PC"): code is laid
// out in program order (-fno-reorder-blocks), so lanes inside a branch or a loop run before the ones that
// wait behind it, and all meet again where the branches join: at its immediate post-dominator. The rule is
// the one of S. Collange, "Stack-less SIMT reconvergence at low cost" (2011).
#pragma once

#include <algorithm>

#include "simulator/simt/runtime/lane.h"

namespace attnlab::simt {

// A request's lanes: value[l] is meaningful for the lanes of mask; for the others it repeats that of a lane
// of mask, so that sums over all 32 need no branch.
struct Row {
  Code code;
  unsigned mask;
  const std::uint64_t* value;
  bool diverged;  // lanes that run are elsewhere
};

// Hands the warp's events, merged, to sink(const Row&), oldest first, as far as their order is settled: a
// lane of `running` whose list is empty may still produce an event that comes before those of the others.
// What is left over stays at the front of the lists.
template <class Sink>
void merge(Warp& warp, unsigned running, Sink& sink);

namespace detail {

// All lanes of mask hold the same code in this row.
inline bool uniform(const std::array<Code, warp_size>& row, Code lead, unsigned mask) {
  if (mask == full_mask) {
    Code differ = 0;
    for (unsigned l = 0; l < warp_size; ++l) differ |= row[l] ^ lead;
    return differ == 0;
  }
  for (unsigned l = 0; l < warp_size; ++l)
    if ((mask >> l & 1) && row[l] != lead) return false;
  return true;
}

// Moves what was not merged to the front.
inline void compact(Warp& warp, std::array<std::uint32_t, warp_size>& front) {
  for (unsigned l = 0; l < warp_size; ++l) {
    if (front[l] > 0)
      for (unsigned k = front[l]; k < warp.count[l]; ++k) {
        warp.row(k - front[l]).code[l] = warp.row(k).code[l];
        warp.row(k - front[l]).value[l] = warp.row(k).value[l];
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
  std::uint32_t k = 0;
  const unsigned lead = static_cast<unsigned>(__builtin_ctz(pending));
  for (; k < rows; ++k) {
    const EventRow& row = warp.row(k);
    if (!detail::uniform(row.code, row.code[lead], pending)) break;
    const bool diverged = (running & ~pending) != 0;
    if (pending == full_mask) {
      sink(Row{row.code[lead], pending, row.value.data(), diverged});
    } else {
      std::uint64_t last = row.value[lead];
      for (unsigned l = 0; l < warp_size; ++l) values[l] = last = pending >> l & 1 ? row.value[l] : last;
      sink(Row{row.code[lead], pending, values.data(), diverged});
    }
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
        first = std::min(first, order_of(warp.row(front[l]).code[l]));
      }
    if (left == 0) break;
    if ((running & ~left) && (warp.starved < 16 || progress)) break;
    unsigned group = 0;
    for (unsigned l = 0; l < warp_size; ++l)
      if ((left >> l & 1) && order_of(warp.row(front[l]).code[l]) == first) group |= 1u << l;
    const auto leader = static_cast<unsigned>(__builtin_ctz(group));
    const Code code = warp.row(front[leader]).code[leader];
    std::uint64_t last = warp.row(front[leader]).value[leader];
    for (unsigned l = 0; l < warp_size; ++l) {
      if (group >> l & 1) last = warp.row(front[l]++).value[l];
      values[l] = last;
    }
    progress = true;
    sink(Row{code, group, values.data(), ((left | running) & ~group) != 0});
  }
  if (progress) warp.starved = 0;
  detail::compact(warp, front);
}

}  // namespace attnlab::simt
