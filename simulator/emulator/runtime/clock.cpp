#include "simulator/emulator/runtime/clock.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "simulator/emulator/runtime/session.h"

namespace attnlab::emulator {
namespace {

std::atomic<bool> up = false, stops = false;
std::atomic<unsigned> limit = 0;

// Without the program's exit handlers: they might wait for what does not end.
[[noreturn]] void end_with_report() {
  static std::mutex once;
  once.lock();
  finish_report();
  std::fflush(nullptr);
  std::_Exit(kTimedOut);
}

void watch(unsigned seconds) {
  constexpr auto kToSee = std::chrono::seconds(2), kToStop = std::chrono::seconds(60);
  std::this_thread::sleep_for(std::chrono::seconds(seconds));
  up = true;
  std::this_thread::sleep_for(kToSee);
  if (stops) std::this_thread::sleep_for(kToStop);
  add_finding({FindingKind::timeout,
               "",
               "",
               0,
               {},
               {},
               0,
               fmt::format("the program runs longer than {} s, in code of the host", seconds),
               1});
  end_with_report();
}

}  // namespace

void start_clock(unsigned seconds) {
  unsigned none = 0;
  if (seconds == 0 || !limit.compare_exchange_strong(none, seconds)) return;
  std::thread(watch, seconds).detach();
}

bool time_is_up() { return up.load(std::memory_order_relaxed); }
unsigned time_limit() { return limit; }
void kernel_stops() { stops = true; }

void end_late() { end_with_report(); }

}  // namespace attnlab::emulator
