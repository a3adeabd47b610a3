#include "simulator/emulator/builtins/async.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "simulator/emulator/device_calls.h"

namespace attnlab::emulator::calls {
namespace {

constexpr unsigned kExpectedShift = 44, kMissingShift = 24;
constexpr std::uint64_t kPhaseMask = (1u << kMissingShift) - 1;

struct State {
  std::uint64_t expected, missing, phase;

  static State of(std::uint64_t word) {
    return {word >> kExpectedShift, word >> kMissingShift & kLargestBarrier, word & kPhaseMask};
  }
  std::uint64_t word() const {
    return expected << kExpectedShift | missing << kMissingShift | (phase & kPhaseMask);
  }
};

State read(const Barrier* barrier) {
  return State::of(std::atomic_ref(*const_cast<Barrier*>(barrier)).load());
}

void copy_now(std::byte* to, const std::byte* from, std::size_t bytes, const void* site) {
  record_load(from, static_cast<unsigned>(bytes), site);
  record_store(to, static_cast<unsigned>(bytes), site);
  std::memcpy(to, from, bytes);
}

}  // namespace

void copy_async(void* shared, const void* global, std::size_t bytes, std::size_t zero_fill) {
  const void* site = __builtin_return_address(0);
  if ((bytes != 4 && bytes != 8 && bytes != 16) || zero_fill > bytes)
    trap("an asynchronous copy must be of 4, 8 or 16 bytes", site);
  async_copy(shared, global, static_cast<unsigned>(bytes), static_cast<unsigned>(bytes - zero_fill),
             bytes == 16, site);
}

void copy_share(void* destination, const void* source, std::size_t bytes, unsigned rank, unsigned threads) {
  const void* site = __builtin_return_address(0);
  auto* to = static_cast<std::byte*>(destination);
  const auto* from = static_cast<const std::byte*>(source);
  const std::uintptr_t alignment =
      reinterpret_cast<std::uintptr_t>(to) | reinterpret_cast<std::uintptr_t>(from);
  const std::size_t piece = (alignment & 15) == 0 && bytes >= 16 ? 16
                            : (alignment & 7) == 0 && bytes >= 8 ? 8
                            : (alignment & 3) == 0               ? 4
                                                                 : 1;
  const bool asynchronous = piece >= 4 && space_of(to) == Space::shared && space_of(from) == Space::global;
  std::size_t at = rank * piece;
  for (; at + piece <= bytes; at += threads * piece) {
    if (asynchronous) {
      async_copy(to + at, from + at, static_cast<unsigned>(piece), static_cast<unsigned>(piece), piece == 16,
                 site);
    } else {
      copy_now(to + at, from + at, piece, site);
    }
  }
  // The last bytes, fewer than a piece.
  for (std::size_t rest = bytes / piece * piece + rank; rest < bytes; rest += threads)
    copy_now(to + rest, from + rest, 1, site);
}

void commit_copies() { async_commit(); }
void wait_for_copies(unsigned groups_left) { async_wait(groups_left, __builtin_return_address(0)); }
void give_way() { yield(); }

void barrier_init(Barrier* barrier, unsigned expected) {
  if (expected == 0 || expected > kLargestBarrier)
    trap("a barrier must expect 1 to 1048575 arrivals", __builtin_return_address(0));
  std::atomic_ref(*barrier).store(State{expected, expected, 0}.word());
}

namespace {

std::uint64_t arrive(Barrier* barrier, unsigned count, bool drop, const void* site) {
  const std::atomic_ref shared(*barrier);
  std::uint64_t before = shared.load();
  State state{};
  do {
    state = State::of(before);
    if (state.missing < count || count == 0)
      trap("a thread arrives at a barrier that expects no arrival, or that was not initialised", site);
    state.missing -= count;
    if (drop) --state.expected;
    if (state.missing == 0) {
      state.missing = state.expected;
      ++state.phase;
    }
  } while (!shared.compare_exchange_weak(before, state.word()));
  const std::uint64_t phase = State::of(before).phase;
  // What was done before the phase's end is ordered before what follows it.
  if (state.phase != phase) block_ordered();
  return phase;
}

}  // namespace

std::uint64_t barrier_arrive(Barrier* barrier, unsigned count, bool drop) {
  async_commit();
  async_wait(0, __builtin_return_address(0));
  return arrive(barrier, count, drop, __builtin_return_address(0));
}
std::uint64_t barrier_arrive_keeping_copies(Barrier* barrier) {
  return arrive(barrier, 1, false, __builtin_return_address(0));
}

bool barrier_done(const Barrier* barrier, std::uint64_t phase) { return read(barrier).phase != phase; }
bool barrier_done_parity(const Barrier* barrier, bool parity) { return (read(barrier).phase & 1) != parity; }

void barrier_wait(const Barrier* barrier, std::uint64_t phase) {
  while (!barrier_done(barrier, phase)) yield();
}
void barrier_wait_parity(const Barrier* barrier, bool parity) {
  while (!barrier_done_parity(barrier, parity)) yield();
}

}  // namespace attnlab::emulator::calls
