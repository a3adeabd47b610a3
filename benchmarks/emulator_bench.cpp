// How many accesses per second the emulator runs: rung flash2-04 of cuda/ on one head, N 1024, d 64, fp32.
//   emulate/1/1   counting, with all checks and the L1 and L2 model, on one OS thread
//   emulate/1/2   the same on two
//   emulate/0/1   no counting, no checks
// CPU time is that of all threads of the process; accesses/s are by the clock, accesses/CPU-s by CPU time. An
// access is one load or store of one thread; nine in ten of this kernel's are a float4, four words of 4
// bytes. Inputs, their copies to the device and the report's source lines are not timed.
#include <benchmark/benchmark.h>

#include <ctime>
#include <stdexcept>

#include "cuda/counters/launch_once.h"
#include "simulator/emulator/runtime/session.h"

namespace attnlab {
namespace {

constexpr cuda::Shape kShape{.seqlen_q = 1024, .seqlen_kv = 1024, .head_dim = 64, .heads = 1, .kv_heads = 1};

void emulate(const cuda::BeforeLaunch& before = [] {}) {
  cuda::launch_once(cuda::Backend::emulator, cuda::find_kernel("flash2-04"), kShape, before);
}

// What threads loaded from and stored to global and shared memory. Every request is of a full warp, since
// warps do not diverge and N is a multiple of the tiles: 32 accesses. A float4 is one.
double accesses_of_a_launch() {
  emulator::options().counting = true;
  emulate();
  const auto& counters = emulator::take_report().kernels.at(0).counters;
  const auto count = [&](emulator::Metric metric) {
    return static_cast<double>(counters[static_cast<std::size_t>(metric)]);
  };
  using enum emulator::Metric;
  if (count(divergent_branches) != 0) throw std::logic_error("warps diverge: requests are not 32 accesses");
  return 32 * (count(global_load_requests) + count(global_store_requests) + count(shared_load_requests) +
               count(shared_store_requests));
}

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

void emulate(benchmark::State& state) {
  static const double accesses = accesses_of_a_launch();
  emulator::options().counting = state.range(0) != 0;
  emulator::options().threads = static_cast<unsigned>(state.range(1));
  double cpu = 0, began = 0;
  for (auto _ : state) {
    state.PauseTiming();
    emulate([&] {
      began = cpu_seconds();
      state.ResumeTiming();
    });
    state.PauseTiming();
    cpu += cpu_seconds() - began;
    emulator::take_report();
    state.ResumeTiming();
  }
  const double all = accesses * static_cast<double>(state.iterations());
  state.counters["accesses"] = accesses;
  state.counters["accesses/s"] = benchmark::Counter(all, benchmark::Counter::kIsRate);
  state.counters["accesses/CPU-s"] = all / cpu;
}

BENCHMARK(emulate)
    ->ArgNames({"counting", "threads"})
    ->Args({1, 1})
    ->Args({1, 2})
    ->Args({0, 1})
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime()
    ->UseRealTime();

}  // namespace
}  // namespace attnlab

BENCHMARK_MAIN();
