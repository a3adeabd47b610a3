// Does parallel_for run every piece once, and give an exception of a piece back to the caller?
#include "reference/core/threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace attnlab {
namespace {

TEST(ParallelFor, RunsEveryPieceOnce) {
  for (const int threads : {0, 1, 2, 7}) {
    for (const Index count : {0, 1, 3, 1000}) {
      std::vector<std::atomic<int>> runs(static_cast<std::size_t>(count));
      parallel_for(count, threads, [&](Index i) { ++runs[static_cast<std::size_t>(i)]; });
      for (const auto& run : runs) EXPECT_EQ(run, 1);
    }
  }
}

TEST(ParallelFor, WorkersAreNumberedBelowTheirCount) {
  EXPECT_EQ(worker_count(100, 7), 7);
  EXPECT_EQ(worker_count(3, 7), 3);
  EXPECT_EQ(worker_count(0, 7), 1);
  EXPECT_GE(worker_count(100, 0), 1);
  std::mutex mutex;
  std::set<int> seen;
  std::vector<int> busy(7);
  parallel_for_workers(300, 7, [&](int worker, Index) {
    {
      const std::lock_guard lock(mutex);
      seen.insert(worker);
      EXPECT_EQ(++busy[static_cast<std::size_t>(worker)], 1);  // one piece at a time
    }
    const std::lock_guard lock(mutex);
    --busy[static_cast<std::size_t>(worker)];
  });
  EXPECT_GE(*seen.begin(), 0);
  EXPECT_LT(*seen.rbegin(), 7);
}

TEST(ParallelFor, RethrowsTheExceptionOfAPiece) {
  for (const int threads : {1, 4}) {
    try {
      parallel_for(50, threads, [](Index i) {
        if (i == 20) throw std::out_of_range("piece 20");
      });
      ADD_FAILURE() << "nothing was thrown";
    } catch (const std::out_of_range& error) {
      EXPECT_STREQ(error.what(), "piece 20");
    }
  }
}

TEST(ParallelFor, AnExceptionStopsTheHandingOut) {
  std::vector<Index> ran;
  EXPECT_THROW(parallel_for(50, 1,
                            [&](Index i) {
                              ran.push_back(i);
                              if (i == 4) throw std::runtime_error("");
                            }),
               std::runtime_error);
  EXPECT_EQ(ran, (std::vector<Index>{0, 1, 2, 3, 4}));
}

// What the pieces use must outlive them, so none may run on when the exception is out.
TEST(ParallelFor, WaitsForTheOtherPiecesBeforeItThrows) {
  for (int repeat = 0; repeat < 50; ++repeat) {
    std::atomic<int> running = 0;
    EXPECT_THROW(parallel_for(200, 4,
                              [&](Index i) {
                                ++running;
                                if (i % 10 == 3) {
                                  --running;
                                  throw std::runtime_error("");
                                }
                                for (int spin = 0; spin < 1000; ++spin) running.load();
                                --running;
                              }),
                 std::runtime_error);
    EXPECT_EQ(running, 0);
  }
}

}  // namespace
}  // namespace attnlab
