// How fast are golden values, beside Eigen's own double products of the same operations, and what does a
// check cost on top? bench: oracle_bench [--benchmark_filter=...]; 2 threads, as the products are given.
#include <benchmark/benchmark.h>

#include <Eigen/Core>
#include <vector>

#include "oracle/check.h"
#include "reference/core/random.h"
#include "reference/core/threads.h"

namespace {

using namespace attnlab;

constexpr int kThreads = 2;

struct Tensors {
  attention::Problem p;
  std::vector<double> q, k, v, o;

  Tensors(Index heads, Index n, Index d) {
    p.num_heads = p.num_kv_heads = heads;
    p.seqlen_q = p.seqlen_kv = n;
    p.head_dim = p.head_dim_v = d;
    std::uint32_t stream = 0;
    for (auto* t : {&q, &k, &v, &o}) {
      t->resize(static_cast<std::size_t>(heads * n * d));
      Random random(1, stream++);
      for (double& value : *t) value = static_cast<float>(random.normal());
    }
  }
  Tensor view(const std::vector<double>& t) const {
    return bhsd(t.data(), DType::f64, 1, p.num_heads, p.seqlen_q, p.head_dim);
  }
  oracle::Inputs inputs() const { return {view(q), view(k), view(v), {}}; }
  double flops() const {
    return 4.0 * static_cast<double>(p.num_heads * p.seqlen_q * p.seqlen_kv) *
           static_cast<double>(p.head_dim);
  }
};

void rate(benchmark::State& state, double flops) {
  state.counters["FLOP/s"] = benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate);
}

void golden(benchmark::State& state) {
  const Tensors t(state.range(0), state.range(1), state.range(2));
  for (auto _ : state) benchmark::DoNotOptimize(oracle::golden(t.p, t.inputs(), kThreads));
  rate(state, t.flops());
}

// S = Q K^T and O = S V of each head, whole, heads over threads.
void products(benchmark::State& state) {
  const Tensors t(state.range(0), state.range(1), state.range(2));
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Index n = t.p.seqlen_q, d = t.p.head_dim;
  std::vector<Matrix> s(kThreads, Matrix(n, n)), o(kThreads, Matrix(n, d));
  for (auto _ : state) {
    parallel_for_workers(t.p.num_heads, kThreads, [&](int w, Index h) {
      const auto head = [&](const std::vector<double>& x) {
        return Eigen::Map<const Matrix>(x.data() + h * n * d, n, d);
      };
      const auto at = static_cast<std::size_t>(w);
      s[at].noalias() = head(t.q) * head(t.k).transpose();
      o[at].noalias() = s[at] * head(t.v);
      benchmark::DoNotOptimize(o[at].data());
    });
  }
  rate(state, t.flops());
}

void check(benchmark::State& state) {
  const Tensors t(state.range(0), state.range(1), state.range(2));
  oracle::Outputs out;
  out.o = t.view(t.o);
  const auto kernel_class = oracle::usual_class(DType::bf16);
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        oracle::check(t.p, t.inputs(), out, kernel_class, {.threads = kThreads, .diagnose = false}));
  }
  rate(state, t.flops());
}

void shapes(benchmark::internal::Benchmark* b) {
  b->Args({4, 1024, 64})->Args({16, 4096, 128})->UseRealTime()->Unit(benchmark::kMillisecond);
}
BENCHMARK(products)->Apply(shapes);
BENCHMARK(golden)->Apply(shapes);
BENCHMARK(check)->Apply(shapes);

}  // namespace

BENCHMARK_MAIN();
