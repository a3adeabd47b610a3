#include "simulator/emulator/builtins/warp.h"

#include <algorithm>
#include <cstdint>

#include "simulator/emulator/device_calls.h"

namespace attnlab::emulator::calls {
namespace {

template <class Arguments>
Arguments& of(void* lane) {
  return *static_cast<Arguments*>(lane);
}

// Calls visit(lane, arguments) for every lane that takes part.
template <class Arguments, class Visit>
void for_each_lane(void* const* lanes, Visit visit) {
  for (unsigned lane = 0; lane < kWarpSize; ++lane)
    if (lanes[lane] != nullptr) visit(lane, of<Arguments>(lanes[lane]));
}

struct ShuffleArguments {
  unsigned value, operand, width;
  Shuffle kind;
  unsigned result;
};

// The lane that a lane reads; its own where the shuffle leaves the segment of `width` lanes.
unsigned source_of(unsigned lane, const ShuffleArguments& a) {
  const unsigned begin = lane & ~(a.width - 1), last = begin + a.width - 1;
  switch (a.kind) {
    case Shuffle::index:
      return begin | (a.operand & (a.width - 1));
    case Shuffle::up:
      return a.operand > lane - begin ? lane : lane - a.operand;
    case Shuffle::down:
      return a.operand > last - lane ? lane : lane + a.operand;
    default:
      return (lane ^ (a.operand & 31)) > last ? lane : lane ^ (a.operand & 31);
  }
}

void run_shuffle(void* const* lanes, unsigned) {
  for_each_lane<ShuffleArguments>(lanes, [&](unsigned lane, ShuffleArguments& a) {
    const void* source = lanes[source_of(lane, a)];
    a.result = source == nullptr ? kUndefinedLane : static_cast<const ShuffleArguments*>(source)->value;
  });
}

struct VoteArguments {
  bool predicate;
  Vote kind;
  unsigned result;
};

void run_vote(void* const* lanes, unsigned mask) {
  unsigned ballot = 0;
  for_each_lane<VoteArguments>(
      lanes, [&](unsigned lane, VoteArguments& a) { ballot |= static_cast<unsigned>(a.predicate) << lane; });
  for_each_lane<VoteArguments>(lanes, [&](unsigned, VoteArguments& a) {
    switch (a.kind) {
      case Vote::ballot:
        a.result = ballot;
        break;
      case Vote::all:
        a.result = ballot == mask;
        break;
      case Vote::any:
        a.result = ballot != 0;
        break;
    }
  });
}

struct MatchArguments {
  std::uint64_t value;
  unsigned result;
};

void run_match(void* const* lanes, unsigned) {
  for_each_lane<MatchArguments>(lanes, [&](unsigned, MatchArguments& a) {
    a.result = 0;
    for_each_lane<MatchArguments>(lanes, [&](unsigned other, const MatchArguments& b) {
      a.result |= static_cast<unsigned>(a.value == b.value) << other;
    });
  });
}

struct ReduceArguments {
  unsigned value;
  Reduce kind;
  unsigned result;
};

unsigned combine(Reduce kind, unsigned a, unsigned b) {
  const auto sa = static_cast<std::int32_t>(a), sb = static_cast<std::int32_t>(b);
  switch (kind) {
    case Reduce::add:
      return a + b;
    case Reduce::bit_and:
      return a & b;
    case Reduce::bit_or:
      return a | b;
    case Reduce::bit_xor:
      return a ^ b;
    case Reduce::min_unsigned:
      return std::min(a, b);
    case Reduce::max_unsigned:
      return std::max(a, b);
    case Reduce::min_signed:
      return static_cast<unsigned>(std::min(sa, sb));
    default:
      return static_cast<unsigned>(std::max(sa, sb));
  }
}

void run_reduce(void* const* lanes, unsigned) {
  bool first = true;
  unsigned sum = 0;
  for_each_lane<ReduceArguments>(lanes, [&](unsigned, const ReduceArguments& a) {
    sum = first ? a.value : combine(a.kind, sum, a.value);
    first = false;
  });
  for_each_lane<ReduceArguments>(lanes, [&](unsigned, ReduceArguments& a) { a.result = sum; });
}

}  // namespace

unsigned shuffle(unsigned mask, unsigned value, unsigned operand, int width, Shuffle kind) {
  const void* site = __builtin_return_address(0);
  const auto lanes = static_cast<unsigned>(width);
  if (width < 1 || width > 32 || (lanes & (lanes - 1)) != 0)
    trap("a shuffle's width must be 1, 2, 4, 8, 16 or 32", site);
  ShuffleArguments a{value, operand, lanes, kind, 0};
  warp_collective(mask, &a, &run_shuffle, Operation::shuffle, site);
  return a.result;
}

unsigned vote(unsigned mask, bool predicate, Vote kind) {
  VoteArguments a{predicate, kind, 0};
  warp_collective(mask, &a, &run_vote, Operation::vote, __builtin_return_address(0));
  return a.result;
}

unsigned match_any(unsigned mask, std::uint64_t value) {
  MatchArguments a{value, 0};
  warp_collective(mask, &a, &run_match, Operation::match, __builtin_return_address(0));
  return a.result;
}

unsigned match_all(unsigned mask, std::uint64_t value, int* equal) {
  MatchArguments a{value, 0};
  warp_collective(mask, &a, &run_match, Operation::match, __builtin_return_address(0));
  *equal = a.result == mask;
  return *equal != 0 ? mask : 0;
}

unsigned reduce(unsigned mask, unsigned value, Reduce kind) {
  ReduceArguments a{value, kind, 0};
  warp_collective(mask, &a, &run_reduce, Operation::reduce, __builtin_return_address(0));
  return a.result;
}

void sync_warp(unsigned mask) { syncwarp(mask, __builtin_return_address(0)); }

unsigned active_lanes() { return active_mask(__builtin_return_address(0)); }

}  // namespace attnlab::emulator::calls
