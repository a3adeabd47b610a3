#include "reference/core/threads.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace attnlab {

int worker_count(Index count, int threads) {
  const Index wanted = threads > 0 ? threads : std::max(1u, std::thread::hardware_concurrency());
  return static_cast<int>(std::max<Index>(1, std::min(wanted, count)));
}

void parallel_for_workers(Index count, int threads, const std::function<void(int, Index)>& body) {
  const int workers = worker_count(count, threads);
  std::atomic<Index> next{0};
  std::exception_ptr failure;
  std::mutex failure_mutex;
  auto work = [&](int worker) {
    try {
      for (Index i = next++; i < count; i = next++) body(worker, i);
    } catch (...) {
      const std::lock_guard lock(failure_mutex);
      if (!failure) failure = std::current_exception();
      next = count;
    }
  };
  std::vector<std::jthread> others;
  for (int w = 1; w < workers; ++w) others.emplace_back(work, w);
  work(0);
  others.clear();  // joins
  if (failure) std::rethrow_exception(failure);
}

void parallel_for(Index count, int threads, const std::function<void(Index)>& body) {
  parallel_for_workers(count, threads, [&](int, Index index) { body(index); });
}

}  // namespace attnlab
