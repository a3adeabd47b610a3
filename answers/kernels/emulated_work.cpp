#include "answers/kernels/emulated_work.h"

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <map>

#include "reference/core/threads.h"
#include "simulator/emulator/runtime/session.h"

namespace attnlab::answers {
namespace {

constexpr double kSlowestProduct = 1.5e-7;  // seconds of a core: naive-01
constexpr double kShort = 30;               // seconds

// Of all cores together.
double cpu_seconds(const Launch& launch) {
  const std::clock_t start = std::clock();
  cuda::launch_once(cuda::Backend::emulator, *launch.kernel, launch.shape);
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  emulator::take_report();  // the launch is nobody's
  return seconds;
}

// For a product of a launch like this one: of one as small as can be timed.
double seconds_per_product(const Launch& launch) {
  constexpr double kEnough = 0.2;
  for (Index size = 128;; size *= 2) {
    Launch small = launch;
    cuda::Shape& s = small.shape;
    s.batch = 1;
    s.heads = s.kv_heads = std::min(s.heads, launch.kernel->pass == cuda::Pass::softmax ? size : Index{2});
    s.seqlen_q = std::min(s.seqlen_q, size), s.seqlen_kv = std::min(s.seqlen_kv, size);
    const double seconds = cpu_seconds(small);
    if (seconds >= kEnough || products(small) >= products(launch)) return seconds / products(small);
  }
}

}  // namespace

double products(const Launch& launch) {
  const cuda::Shape& s = launch.shape;
  if (launch.kernel->pass == cuda::Pass::softmax) return 10.0 * static_cast<double>(s.heads * s.seqlen_kv);
  return static_cast<double>(s.batch * s.heads * s.seqlen_q) * static_cast<double>(s.seqlen_kv * s.head_dim);
}

double emulated_seconds(std::span<const Launch> launches) {
  const double cores = worker_count(INT64_MAX, 0);
  double at_most = 0;
  for (const Launch& launch : launches) at_most += products(launch) * kSlowestProduct / cores;
  if (at_most <= kShort) return at_most;
  std::map<const cuda::Kernel*, double> rates;
  double seconds = 0;
  for (const Launch& launch : launches) {
    if (!rates.contains(launch.kernel)) rates[launch.kernel] = seconds_per_product(launch);
    seconds += products(launch) * rates[launch.kernel] / cores;
  }
  return seconds;
}

}  // namespace attnlab::answers
