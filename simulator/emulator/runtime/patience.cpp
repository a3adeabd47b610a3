#include "simulator/emulator/runtime/patience.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "simulator/emulator/report/figures.h"
#include "simulator/emulator/runtime/clock.h"

namespace attnlab::emulator {
namespace {

constexpr double kPatient = 5, kLong = 60;  // seconds: so far, and still to come

double rest_of(std::uint64_t done, std::uint64_t blocks, double seconds) {
  return seconds * static_cast<double>(blocks - done) / static_cast<double>(done);
}

std::string duration_text(double seconds) {
  if (seconds < 90) return fmt::format("{:.0f} s", seconds);
  if (seconds < 90 * 60.0) return fmt::format("{:.0f} min", seconds / 60);
  if (seconds < 48 * 3600.0) return fmt::format("{:.0f} h", seconds / 3600);
  return fmt::format("{:.0f} days", seconds / 86400);
}

}  // namespace

std::string patience_text(const std::string& kernel, std::uint64_t done, std::uint64_t blocks,
                          double seconds) {
  return fmt::format("{}: {} of {} blocks after {}, about {} for the rest", kernel, count_text(done),
                     count_text(blocks), duration_text(seconds),
                     duration_text(rest_of(done, blocks, seconds)));
}

Patience::Patience(std::string kernel, std::uint64_t blocks)
    : kernel_(std::move(kernel)), blocks_(blocks), terminal_(isatty(STDERR_FILENO) != 0), next_(kPatient) {}

Patience::~Patience() {
  if (said_ && terminal_) std::fputs("\r\x1b[K", stderr);
}

void Patience::one_more() {
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  const std::lock_guard guard(mutex_);
  ++done_;
  if (seconds >= next_) say(seconds);
}

void Patience::say(double seconds) {
  next_ = seconds + 1;
  if (terminal_) {
    fmt::print(stderr, "\r{}\x1b[K", patience_text(kernel_, done_, blocks_, seconds));
  } else {
    if (said_ || rest_of(done_, blocks_, seconds) < kLong) return;
    const std::string how = time_limit() != 0 ? "" : " (--timeout, or ATTNLAB_EMULATOR_TIMEOUT, ends it)";
    fmt::print(stderr, "attnlab: {}{}\n", patience_text(kernel_, done_, blocks_, seconds), how);
  }
  said_ = true;
}

}  // namespace attnlab::emulator
