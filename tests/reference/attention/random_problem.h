// Random attention problems with their tensors, for tests: every option of the problem, ragged lengths.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "reference/attention/attention.h"
#include "reference/core/philox.h"

namespace attnlab::testing {

// A seeded stream of numbers, the same on every machine.
class Random {
 public:
  explicit Random(std::uint64_t seed) : seed_(seed) {}
  std::uint32_t word() { return philox(seed_, index_++)[0]; }
  double uniform() { return word() / 4294967296.0; }
  Index integer(Index low, Index high) {
    return low + static_cast<Index>(word() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool chance(double p) { return uniform() < p; }
  double normal() {
    return std::sqrt(-2 * std::log(uniform() + 1e-10)) * std::cos(6.283185307179586 * uniform());
  }

 private:
  std::uint64_t seed_, index_ = 0;
};

template <class T>
struct Buffer {
  std::vector<T> data;
  TensorView<T> view;
  TensorView<const T> in() const { return view; }
};

template <class T>
Buffer<T> make_buffer(Index batch, Index heads, Index seqlen, Index dim, bool seqlen_first = false,
                      T fill = T(0)) {
  Buffer<T> b;
  b.data.assign(static_cast<std::size_t>(batch * heads * seqlen * dim), fill);
  b.view = seqlen_first ? bshd(b.data.data(), batch, seqlen, heads, dim)
                        : bhsd(b.data.data(), batch, heads, seqlen, dim);
  return b;
}

// A problem, the arrays that it points into, and random inputs exactly representable in float.
struct Case {
  attention::Problem p;
  std::vector<float> bias;
  std::vector<std::uint8_t> mask;
  Buffer<double> q, k, v, dout;
  std::string description;

  Case() = default;
  Case(const Case&) = delete;
  Case& operator=(const Case&) = delete;
};

template <class T>
Buffer<T> random_buffer(Random& random, Index batch, Index heads, Index seqlen, Index dim,
                        bool seqlen_first) {
  auto buffer = make_buffer<T>(batch, heads, seqlen, dim, seqlen_first);
  for (T& x : buffer.data) x = static_cast<T>(static_cast<float>(random.normal()));
  return buffer;
}

inline void fill_tensors(Case& c, Random& random) {
  const auto& p = c.p;
  const bool layout = random.chance(0.5);
  c.q = random_buffer<double>(random, p.tensor_batches(), p.num_heads, p.tensor_rows_q(), p.head_dim, layout);
  c.k = random_buffer<double>(random, p.tensor_batches(), p.num_kv_heads, p.tensor_rows_kv(), p.head_dim,
                              layout);
  c.v = random_buffer<double>(random, p.tensor_batches(), p.num_kv_heads, p.tensor_rows_kv(), p.head_dim_v,
                              layout);
  c.dout =
      random_buffer<double>(random, p.tensor_batches(), p.num_heads, p.tensor_rows_q(), p.head_dim_v, layout);
}

inline void make_case(Case& c, std::uint64_t seed, Index max_seqlen = 80) {
  Random random(seed);
  auto& p = c.p;
  p.batch = random.integer(1, 3);
  p.num_kv_heads = random.integer(1, 3);
  p.num_heads = p.num_kv_heads * random.integer(1, 3);
  p.seqlen_q = random.integer(random.chance(0.1) ? 0 : 1, max_seqlen);
  p.seqlen_kv = random.chance(0.3) ? p.seqlen_q : random.integer(random.chance(0.1) ? 0 : 1, max_seqlen);
  p.head_dim = random.integer(1, 40);
  p.head_dim_v = random.chance(0.5) ? p.head_dim : random.integer(1, 40);
  std::string& d = c.description;
  if (random.chance(0.3)) p.softmax_scale = 0.05 + random.uniform(), d += " scale";
  if (random.chance(0.4)) p.causal = true, d += " causal";
  if (random.chance(0.25)) p.window.left = random.integer(0, max_seqlen), d += " window.left";
  if (random.chance(0.25)) p.window.right = random.integer(0, max_seqlen), d += " window.right";
  if (random.chance(0.25)) p.softcap = 0.5 + 3 * random.uniform(), d += " softcap";
  if (random.chance(0.25)) {
    const bool per_batch = random.chance(0.5);
    for (Index h = 0; h < p.num_heads * (per_batch ? p.batch : 1); ++h)
      p.alibi_slopes.push_back(random.uniform());
    d += " alibi";
  }
  if (random.chance(0.2)) {
    for (Index h = 0; h < p.num_heads; ++h) p.sinks.push_back(random.normal());
    d += " sinks";
  }
  const auto extent = [&](Index full) { return random.chance(0.5) ? full : Index{1}; };
  if (random.chance(0.25)) {
    const Index b = extent(p.batch), h = extent(p.num_heads), r = extent(p.seqlen_q), k = extent(p.seqlen_kv);
    for (Index n = 0; n < b * h * r * k; ++n) {
      c.bias.push_back(random.chance(0.1) ? -INFINITY : static_cast<float>(random.normal()));
    }
    if (!c.bias.empty()) p.bias = broadcast(c.bias.data(), b, h, r, k), d += " bias";
  }
  if (random.chance(0.25)) {
    const Index b = extent(p.batch), h = extent(p.num_heads), r = extent(p.seqlen_q), k = extent(p.seqlen_kv);
    for (Index n = 0; n < b * h * r * k; ++n) c.mask.push_back(random.chance(0.8) ? 1 : 0);
    if (!c.mask.empty()) p.mask = broadcast(c.mask.data(), b, h, r, k), d += " mask";
  }
  if (random.chance(0.1)) p.mask_pass = true, d += " mask_pass";
  if (random.chance(0.25)) {
    for (Index b = 0; b < p.batch; ++b) {
      p.kv_lens.push_back(random.integer(0, p.seqlen_kv));
      p.q_lens.push_back(random.integer(0, p.seqlen_q));
    }
    d += " lens";
  } else if (random.chance(0.25)) {
    p.cu_seqlens_q = {0}, p.cu_seqlens_kv = {0};
    for (Index b = 0; b < p.batch; ++b) {
      p.cu_seqlens_q.push_back(p.cu_seqlens_q.back() + random.integer(0, p.seqlen_q));
      p.cu_seqlens_kv.push_back(p.cu_seqlens_kv.back() + random.integer(0, p.seqlen_kv));
    }
    d += " packed";
  }
  if (random.chance(0.2))
    p.dropout = {0.1 + 0.5 * random.uniform(), random.word(), random.word()}, d += " dropout";
  fill_tensors(c, random);
}

}  // namespace attnlab::testing
