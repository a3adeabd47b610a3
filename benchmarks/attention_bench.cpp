// How far is each algorithm, unmetered and metered, from the two bare Eigen matrix products that it contains?
//
// One head, one thread, float32. "gemm_share" is the time of the products (Q K^T and P V, at the shapes and in the tile sizes of the
// row) over the time of the algorithm, both measured in this run.
#include <benchmark/benchmark.h>

#include <Eigen/Core>
#include <vector>

#include "reference/attention/attention.h"
#include "reference/core/philox.h"
#include "simulator/io/account.h"
#include "simulator/io/metered_attention.h"

namespace attnlab {
namespace {

using attention::Algorithm;
using Matrix = RowMajor<float>;

struct Head {
  Head(Index n, Index d) : n(n), d(d), q(n, d), k(n, d), v(n, d), o(n, d), s(n, n), lse(static_cast<std::size_t>(n)) {
    std::uint64_t index = 0;
    for (Matrix* m : {&q, &k, &v}) {
      for (Index e = 0; e < m->size(); ++e) m->data()[e] = static_cast<float>(philox(1, index++)[0]) / 2147483648.0f - 1;
    }
    problem.seqlen_q = problem.seqlen_kv = n;
    problem.head_dim = problem.head_dim_v = d;
    tensors = {bhsd<const float>(q.data(), 1, 1, n, d), bhsd<const float>(k.data(), 1, 1, n, d),
               bhsd<const float>(v.data(), 1, 1, n, d), bhsd(o.data(), 1, 1, n, d), bhsd(lse.data(), 1, 1, n, 1)};
    options.threads = 1;
  }
  Index n, d;
  Matrix q, k, v, o, s;
  std::vector<float> lse;
  attention::Problem problem;
  attention::ForwardTensors<float> tensors;
  attention::Options options;
};

// The matrix products alone: whole, or in tiles of br x bc.
void gemms(benchmark::State& state) {
  Head h(state.range(0), state.range(1));
  const Index br = std::min(state.range(2), h.n), bc = std::min(state.range(3), h.n);
  Matrix tile(br, bc);
  for (auto _ : state) {
    if (bc == h.n) {
      for (Index i = 0; i < h.n; i += br) h.s.middleRows(i, br).noalias() = h.q.middleRows(i, br) * h.k.transpose();
      for (Index i = 0; i < h.n; i += br) h.o.middleRows(i, br).noalias() = h.s.middleRows(i, br) * h.v;
    } else {
      for (Index i = 0; i < h.n; i += br) {
        for (Index j = 0; j < h.n; j += bc) {
          tile.noalias() = h.q.middleRows(i, br) * h.k.middleRows(j, bc).transpose();
          h.o.middleRows(i, br).noalias() += tile * h.v.middleRows(j, bc);
        }
      }
    }
    benchmark::DoNotOptimize(h.o.data());
  }
  state.counters["GFLOP/s"] = benchmark::Counter(4e-9 * static_cast<double>(h.n * h.n * h.d),
                                                 benchmark::Counter::kIsIterationInvariantRate);
}

void forward(benchmark::State& state, Algorithm algorithm) {
  Head h(state.range(0), state.range(1));
  h.options.tiles = {state.range(2), state.range(3)};
  for (auto _ : state) attention::forward(algorithm, h.problem, h.tensors, h.options);
  state.counters["GFLOP/s"] = benchmark::Counter(4e-9 * static_cast<double>(h.n * h.n * h.d),
                                                 benchmark::Counter::kIsIterationInvariantRate);
}

void metered(benchmark::State& state, Algorithm algorithm) {
  Head h(state.range(0), state.range(1));
  h.options.tiles = {state.range(2), state.range(3)};
  for (auto _ : state) io::metered_forward(algorithm, h.problem, h.tensors, h.options, Sram::kUnlimited);
  state.counters["GFLOP/s"] = benchmark::Counter(4e-9 * static_cast<double>(h.n * h.n * h.d),
                                                 benchmark::Counter::kIsIterationInvariantRate);
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

BENCHMARK(gemms)->Args({2048, 64, 2048, 2048})->Args({2048, 64, 256, 2048})->Args({2048, 64, 128, 512})->Args({2048, 64, 128, 256})->Args({2048, 64, 64, 512})->Args({2048, 64, 256, 512})->Args({2048, 64, 256, 256});
BENCHMARK_CAPTURE(forward, standard, Algorithm::standard)->Args({2048, 64, 256, 2048})->Args({2048, 64, 64, 2048});
BENCHMARK_CAPTURE(forward, flash1, Algorithm::flash1)->Args({2048, 64, 128, 512})->Args({2048, 64, 256, 256});
BENCHMARK_CAPTURE(forward, flash2, Algorithm::flash2)->Args({2048, 64, 128, 512})->Args({2048, 64, 128, 256})->Args({2048, 64, 256, 256})->Args({2048, 64, 256, 512});
BENCHMARK_CAPTURE(metered, flash2, Algorithm::flash2)->Args({2048, 64, 128, 512})->Args({2048, 64, 256, 256});
BENCHMARK(closed_form)->Arg(1024)->Arg(1 << 20);

}  // namespace
}  // namespace attnlab

BENCHMARK_MAIN();
