#include "cli/estimated_progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "cli/long_work.h"
#include "cli/progress.h"

namespace attnlab::cli {

namespace {

constexpr double kMostShare = 0.99;  // only the end is the end

}  // namespace

EstimatedProgress::EstimatedProgress(const std::string& title, double seconds) {
  constexpr double kShort = 3;
  if (seconds < kShort || isatty(STDERR_FILENO) != 1) return;
  bar_ = std::jthread(
      [title = fmt::format("{}, about {}", title, duration(seconds)), seconds](std::stop_token stop) {
        using Clock = std::chrono::steady_clock;
        Progress bar(title);
        std::mutex mutex;
        std::condition_variable_any ended;
        std::unique_lock lock(mutex);
        const Clock::time_point start = Clock::now();
        while (!ended.wait_for(lock, stop, std::chrono::milliseconds(500),
                               [&] { return stop.stop_requested(); })) {
          const double passed = std::chrono::duration<double>(Clock::now() - start).count();
          bar.show(std::min(kMostShare, passed / seconds));
        }
      });
}

}  // namespace attnlab::cli
