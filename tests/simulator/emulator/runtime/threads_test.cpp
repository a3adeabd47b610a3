// Does the pool run a task once on each thread that was asked for, and keep its threads? Does Progress count
// blocks in whatever order they end?
#include "simulator/emulator/runtime/threads.h"

#include <gtest/gtest.h>

#include <barrier>
#include <mutex>
#include <set>
#include <thread>

namespace attnlab::emulator {
namespace {

// The barrier makes every thread wait for the others: no thread can run the task twice.
std::set<std::thread::id> threads_of(unsigned count) {
  std::set<std::thread::id> threads;
  std::mutex mutex;
  std::barrier<> all(count);
  ThreadPool::instance().run(count, [&] {
    all.arrive_and_wait();
    const std::lock_guard lock(mutex);
    threads.insert(std::this_thread::get_id());
  });
  return threads;
}

TEST(ThreadPool, RunsTheTaskOnEachThreadAndTheCallerIsOne) {
  for (const unsigned count : {1u, 4u, 2u, 7u}) {
    const auto threads = threads_of(count);
    EXPECT_EQ(threads.size(), count);
    EXPECT_TRUE(threads.count(std::this_thread::get_id()));
  }
}

TEST(ThreadPool, KeepsItsThreads) {
  const auto first = threads_of(7);
  EXPECT_EQ(threads_of(7), first);
}

TEST(Progress, IsTheNumberBelowWhichAllBlocksHaveEnded) {
  Progress progress;
  std::atomic<std::uint64_t> finished{0};
  const auto after = [&](std::uint64_t block) {
    progress.ended(block, finished);
    return finished.load();
  };
  EXPECT_EQ(after(1), 0u);
  EXPECT_EQ(after(3), 0u);
  EXPECT_EQ(after(0), 2u);
  EXPECT_EQ(after(2), 4u);
  EXPECT_EQ(after(4), 5u);
}

}  // namespace
}  // namespace attnlab::emulator
