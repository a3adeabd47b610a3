#include "simulator/emulator/runtime/threads.h"

#include <thread>

namespace attnlab::emulator {

ThreadPool& ThreadPool::instance() {
  static auto* const pool = new ThreadPool;  // its threads wait for ever; the process's end is theirs
  return *pool;
}

void ThreadPool::run(unsigned count, const std::function<void()>& task) {
  {
    std::unique_lock lock(mutex_);
    while (threads_ + 1 < count) {
      std::thread([this] { serve(); }).detach();
      ++threads_;
    }
    task_ = &task;
    wanted_ = running_ = count - 1;
    ++generation_;
  }
  wake_.notify_all();
  task();
  std::unique_lock lock(mutex_);
  done_.wait(lock, [&] { return running_ == 0; });
  task_ = nullptr;
}

void ThreadPool::serve() {
  std::uint64_t seen = 0;
  for (;;) {
    const std::function<void()>* task = nullptr;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return wanted_ > 0 && generation_ != seen; });
      seen = generation_;
      --wanted_;
      task = task_;
    }
    (*task)();
    const std::lock_guard lock(mutex_);
    if (--running_ == 0) done_.notify_all();
  }
}

void Progress::ended(std::uint64_t block, std::atomic<std::uint64_t>& finished) {
  const std::lock_guard lock(mutex_);
  ahead_.push_back(block);
  std::uint64_t next = finished.load();
  for (bool more = true; more;) {
    more = false;
    for (auto& b : ahead_) {
      if (b == next) {
        b = ahead_.back();
        ahead_.pop_back();
        ++next;
        more = true;
        break;
      }
    }
  }
  finished.store(next);
  finished.notify_all();
}

}  // namespace attnlab::emulator
