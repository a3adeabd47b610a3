// How far is each algorithm, unmetered and metered, from the two bare Eigen matrix products that it contains?
//
// float32, N 2048, d 64. The peer of an algorithm, in the same run: gemms, Q K^T and P V at the algorithm's
// own tile sizes (the whole matrices for standard attention). benchmarks/report.py makes docs/results/cpu.md
// of it.
#include <benchmark/benchmark.h>

#include <Eigen/Core>
#include <utility>
#include <vector>

#include "reference/attention/attention.h"
#include "reference/core/philox.h"
#include "simulator/io/account.h"
#include "simulator/io/metered_attention.h"

namespace attnlab {
namespace {

using attention::Algorithm;
using Matrix = RowMajor<float>;

constexpr Index kSeqlen = 2048, kDim = 64;

// `heads` heads of random inputs.
struct Inputs {
  explicit Inputs(Index heads) {
    problem.num_heads = problem.num_kv_heads = heads;
    problem.seqlen_q = problem.seqlen_kv = kSeqlen;
    problem.head_dim = problem.head_dim_v = kDim;
    std::uint64_t index = 0;
    for (auto* tensor : {&q, &k, &v}) {
      tensor->resize(static_cast<std::size_t>(heads * kSeqlen * kDim));
      for (float& x : *tensor) x = static_cast<float>(philox(1, index++)[0]) / 2147483648.0f - 1;
    }
    o.resize(q.size());
    lse.resize(static_cast<std::size_t>(heads * kSeqlen));
    const auto view = [&](auto* data, Index dim) { return bhsd(data, 1, heads, kSeqlen, dim); };
    tensors = {view(std::as_const(q).data(), kDim), view(std::as_const(k).data(), kDim),
               view(std::as_const(v).data(), kDim), view(o.data(), kDim), view(lse.data(), 1)};
    options.threads = 1;
  }
  attention::Problem problem;
  std::vector<float> q, k, v, o, lse;
  attention::ForwardTensors<float> tensors;
  attention::Options options;
};

void count_flops(benchmark::State& state, Index heads) {
  state.counters["GFLOP/s"] = benchmark::Counter(4e-9 * static_cast<double>(heads * kSeqlen * kSeqlen * kDim),
                                                 benchmark::Counter::kIsIterationInvariantRate);
}

// The two products alone, in tiles of br x bc.
void gemms(benchmark::State& state) {
  Inputs in(1);
  const Index br = state.range(0), bc = state.range(1);
  const auto matrix = [](std::vector<float>& values) {
    return Eigen::Map<Matrix>(values.data(), kSeqlen, kDim);
  };
  auto q = matrix(in.q), k = matrix(in.k), v = matrix(in.v), o = matrix(in.o);
  Matrix s(br, bc);
  for (auto _ : state) {
    for (Index i = 0; i < kSeqlen; i += br) {
      for (Index j = 0; j < kSeqlen; j += bc) {
        s.noalias() = q.middleRows(i, br) * k.middleRows(j, bc).transpose();
        o.middleRows(i, br).noalias() += s * v.middleRows(j, bc);
      }
    }
    benchmark::DoNotOptimize(o.data());
  }
  count_flops(state, 1);
}

void forward(benchmark::State& state, Algorithm algorithm) {
  Inputs in(1);
  in.options.tiles = {state.range(0), state.range(1)};
  for (auto _ : state) attention::forward(algorithm, in.problem, in.tensors, in.options);
  count_flops(state, 1);
}

void metered(benchmark::State& state, Algorithm algorithm) {
  Inputs in(1);
  in.options.tiles = {state.range(0), state.range(1)};
  for (auto _ : state) io::metered_forward(algorithm, in.problem, in.tensors, in.options, Sram::kUnlimited);
  count_flops(state, 1);
}

// Threads over heads: 8 heads on one and on two threads.
void heads_on_threads(benchmark::State& state) {
  Inputs in(8);
  in.options.threads = static_cast<int>(state.range(0));
  for (auto _ : state) attention::forward(Algorithm::flash2, in.problem, in.tensors, in.options);
  count_flops(state, 8);
}

void closed_form(benchmark::State& state) {
  attention::Problem p;
  p.batch = 64, p.num_heads = 16, p.num_kv_heads = 16, p.head_dim = p.head_dim_v = 64;
  p.seqlen_q = p.seqlen_kv = state.range(0);
  p.causal = true;
  for (auto _ : state) {
    benchmark::DoNotOptimize(io::problem_traffic(Algorithm::flash2, io::Pass::forward, p, {64, 128}));
  }
}

BENCHMARK(gemms)->Args({2048, 2048})->Args({256, 512});
BENCHMARK_CAPTURE(forward, standard, Algorithm::standard)->Args({64, 2048});
BENCHMARK_CAPTURE(forward, flash1, Algorithm::flash1)->Args({256, 512});
BENCHMARK_CAPTURE(forward, flash2, Algorithm::flash2)->Args({256, 512});
BENCHMARK_CAPTURE(metered, standard, Algorithm::standard)->Args({64, 2048});
BENCHMARK_CAPTURE(metered, flash1, Algorithm::flash1)->Args({256, 512});
BENCHMARK_CAPTURE(metered, flash2, Algorithm::flash2)->Args({256, 512});
BENCHMARK(heads_on_threads)->Arg(1)->Arg(2)->UseRealTime();
BENCHMARK(closed_form)->Arg(1024)->Arg(1 << 20);

}  // namespace
}  // namespace attnlab

BENCHMARK_MAIN();
