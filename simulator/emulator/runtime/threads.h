// The OS threads that run a launch's blocks, and how far they have come.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

namespace attnlab::emulator {

// A thread pool. Its threads stay from launch to launch, so that their fibers' stacks do.
class ThreadPool {
 public:
  static ThreadPool& instance();

  // Runs task() on the calling thread and count - 1 others; returns when all have ended.
  void run(unsigned count, const std::function<void()>& task);

 private:
  void serve();

  std::mutex mutex_;
  std::condition_variable wake_, done_;
  const std::function<void()>* task_ = nullptr;
  unsigned threads_ = 0, wanted_ = 0, running_ = 0;
  std::uint64_t generation_ = 0;
};

// Blocks that have ended, as the number below which all have.
class Progress {
 public:
  void ended(std::uint64_t block, std::atomic<std::uint64_t>& finished);

 private:
  std::mutex mutex_;
  std::vector<std::uint64_t> ahead_;  // ended before a lower one; at most one per worker
};

}  // namespace attnlab::emulator
