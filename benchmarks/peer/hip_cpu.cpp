// The kernel of rung 04 under HIP-CPU, a public runner of HIP kernels on CPUs: one head, N 1024, d 64, fp32,
// as benchmarks/emulator_bench runs it. hip_cpu.sh compiles this with HIP-CPU's headers and what it makes of
// cuda/forward/04_flash2.cu (flash2_kernel.inc).
//
// Prints the CPU milliseconds of each launch, the first one left out, after comparing O with float64.
#include <hip/hip_runtime.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>
#include <vector>

#include "flash2_kernel.inc"

namespace {

constexpr int n = 1024, d = 64;

std::vector<float> numbers(unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> x(n * d);
  for (float& v : x) v = uniform(random);
  return x;
}

// The largest difference of O to softmax(Q K^T / sqrt(d)) V in float64; NaN if O holds one.
double difference(const std::vector<float>& q, const std::vector<float>& k, const std::vector<float>& v,
                  const std::vector<float>& o) {
  double worst = 0;
  for (int i = 0; i < n; ++i) {
    std::vector<double> weight(n), row(d);
    double sum = 0;
    for (int j = 0; j < n; ++j) {
      double dot = 0;
      for (int t = 0; t < d; ++t) dot += static_cast<double>(q[i * d + t]) * k[j * d + t];
      sum += weight[j] = std::exp(dot / std::sqrt(d));
    }
    for (int j = 0; j < n; ++j)
      for (int t = 0; t < d; ++t) row[t] += weight[j] / sum * v[j * d + t];
    for (int t = 0; t < d; ++t) {
      const double off = std::abs(row[t] - o[i * d + t]);
      if (!(off <= worst)) worst = off;
    }
  }
  return worst;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace attnlab::cuda;
  const int launches = argc > 1 ? std::atoi(argv[1]) : 10;
  const auto q = numbers(1), k = numbers(2), v = numbers(3);
  std::vector<float> o(n * d, NAN), lse(n, NAN);
  AttentionParams p;
  p.q = {q.data(), n * d, n * d, d};
  p.k = {k.data(), n * d, n * d, d};
  p.v = {v.data(), n * d, n * d, d};
  p.o = {o.data(), n * d, n * d, d};
  p.lse = {lse.data(), n, n, 1};
  p.seqlen_q = p.seqlen_kv = p.rows_q = p.rows_kv = n;
  p.head_dim = d;
  p.scale = 1 / std::sqrt(static_cast<float>(d));
  constexpr Geometry geometry = kThreadPerRow<d>;
  for (int launch = 0; launch <= launches; ++launch) {
    const std::clock_t began = std::clock();
    hipLaunchKernelGGL((peer::flash2_kernel<float, d>), dim3(n / geometry.br), dim3(geometry.threads),
                       geometry.shared_bytes, nullptr, p);
    (void)hipDeviceSynchronize();
    const double ms = 1e3 * static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
    if (launch > 0) std::printf("%.1f\n", ms);
  }
  const double off = difference(q, k, v, o);
  std::fprintf(stderr, "O differs from float64 by at most %.2g\n", off);
  return off < 1e-5 ? 0 : 1;
}
