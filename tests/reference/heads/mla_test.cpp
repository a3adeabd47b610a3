// Are the naive and the absorbed form of multi-head latent attention equal, to each other and to the paper's
// equations, in prefill, in chunks and in decoding from the latent cache?
#include "reference/heads/mla.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reference/core/errors.h"
#include "tests/reference/heads/mla_case.h"

namespace attnlab::testing {
namespace {

using attention::Algorithm;
using heads::LatentCache;
using heads::MlaConfig;
using heads::MlaForm;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

using Vector = std::vector<double>;

Vector times(MatrixView<const double> w, const Vector& x) {
  Vector y(static_cast<std::size_t>(w.rows), 0.0);
  for (Index r = 0; r < w.rows; ++r) {
    for (Index c = 0; c < w.cols; ++c)
      y[static_cast<std::size_t>(r)] += w(r, c) * x[static_cast<std::size_t>(c)];
  }
  return y;
}

Vector normed(const MlaConfig& c, std::span<const double> gains, Vector x) {
  if (!c.latent_norm) return x;
  double mean = 0;
  for (double v : x) mean += v * v / static_cast<double>(x.size());
  for (std::size_t n = 0; n < x.size(); ++n) x[n] *= gains[n] / std::sqrt(mean + c.norm_eps);
  return x;
}

Vector turned(const MlaConfig& c, Vector x, Index position) {
  const auto dim = static_cast<Index>(x.size());
  heads::apply_rope(c.rope, MatrixView<double>{x.data(), 1, dim, dim}, position);
  return x;
}

double dot(const double* a, const double* b, Index size) {
  double sum = 0;
  for (Index n = 0; n < size; ++n) sum += a[n] * b[n];
  return sum;
}

// Equations 9 to 19, a token and a head at a time: h [tokens, hidden] -> u.
Vector by_equations(const MlaLayer& layer, MatrixView<const double> h) {
  const MlaConfig& c = layer.config;
  const auto& w = layer.weights;
  std::vector<Vector> k_c, v_c, q_c, k_r, q_r;
  for (Index t = 0; t < h.rows; ++t) {
    const Vector x(&h(t, 0), &h(t, 0) + h.cols);
    const Vector c_kv = normed(c, w.kv_norm, times(w.dkv, x));
    const Vector c_q = c.q_lora_rank == 0 ? x : normed(c, w.q_norm, times(w.dq, x));
    k_c.push_back(times(w.uk, c_kv));
    v_c.push_back(times(w.uv, c_kv));
    k_r.push_back(turned(c, times(w.kr, x), t));
    q_c.push_back(times(w.uq, c_q));
    Vector rotated;
    const Vector flat = times(w.qr, c_q);
    for (Index i = 0; i < c.num_heads; ++i) {
      const Vector one =
          turned(c, Vector(flat.begin() + i * c.rope_dim, flat.begin() + (i + 1) * c.rope_dim), t);
      rotated.insert(rotated.end(), one.begin(), one.end());
    }
    q_r.push_back(rotated);
  }
  Vector u;
  for (std::size_t t = 0; t < q_c.size(); ++t) {
    Vector o(static_cast<std::size_t>(c.num_heads * c.head_dim_v), 0.0);
    for (Index i = 0; i < c.num_heads; ++i) {
      Vector p;
      double sum = 0;
      for (std::size_t j = 0; j <= t; ++j) {
        const double score = dot(&q_c[t][static_cast<std::size_t>(i * c.head_dim)],
                                 &k_c[j][static_cast<std::size_t>(i * c.head_dim)], c.head_dim) +
                             dot(q_r[t].data() + i * c.rope_dim, k_r[j].data(), c.rope_dim);
        p.push_back(std::exp(score / std::sqrt(static_cast<double>(c.head_dim + c.rope_dim))));
        sum += p.back();
      }
      for (std::size_t j = 0; j <= t; ++j) {
        for (Index d = i * c.head_dim_v; d < (i + 1) * c.head_dim_v; ++d) {
          o[static_cast<std::size_t>(d)] += p[j] / sum * v_c[j][static_cast<std::size_t>(d)];
        }
      }
    }
    const Vector row = times(w.o, o);
    u.insert(u.end(), row.begin(), row.end());
  }
  return u;
}

// |a - b| <= tolerance times the largest |b|, NaN refused.
void expect_close(std::span<const double> a, std::span<const double> b, double tolerance) {
  ASSERT_EQ(a.size(), b.size());
  double largest = 0;
  for (double x : b) largest = std::max(largest, std::abs(x));
  for (std::size_t n = 0; n < a.size(); ++n)
    ASSERT_LE(std::abs(a[n] - b[n]), tolerance * largest) << "at " << n;
}

Algorithm random_algorithm(Random& random) {
  constexpr Algorithm kAll[] = {Algorithm::standard, Algorithm::flash1, Algorithm::flash2};
  return kAll[random.integer(0, 2)];
}

TEST(Mla, BothFormsEqualTheEquationsInRaggedPrefill) {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    Random random(seed);
    const MlaLayer layer(random_mla_config(random), random);
    const Index batch = random.integer(1, 3), seqlen = random.integer(1, 25), hidden = layer.config.hidden;
    const auto h = random_buffer<double>(random, batch, 1, seqlen, hidden, false);
    std::vector<Index> lens;
    for (Index b = 0; b < batch; ++b) lens.push_back(random.integer(0, seqlen));
    SCOPED_TRACE("seed " + std::to_string(seed));
    for (MlaForm form : {MlaForm::naive, MlaForm::absorbed}) {
      auto u = make_buffer<double>(batch, 1, seqlen, hidden, false, NAN);
      LatentCache<double> cache(layer.config, batch, seqlen);
      heads::mla_forward<double>(layer.config, layer.weights, form, random_algorithm(random), h.in(), lens,
                                 cache, u.view);
      EXPECT_EQ(cache.lengths(), lens);
      for (Index b = 0; b < batch; ++b) {
        const Index n = lens[static_cast<std::size_t>(b)];
        const double* row = u.view.head(b, 0).data;
        expect_close({row, static_cast<std::size_t>(n * hidden)},
                     by_equations(layer, h.in().head(b, 0, {0, n})), 1e-12);
        for (Index e = n * hidden; e < seqlen * hidden; ++e) ASSERT_EQ(row[e], 0);
      }
    }
    if (HasFailure()) return;
  }
}

TEST(Mla, NaiveEqualsAbsorbedAtLargerSizes) {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    Random random(seed);
    MlaConfig c;
    c.hidden = 96, c.num_heads = 8, c.head_dim = 32, c.rope_dim = 16, c.head_dim_v = 24, c.kv_lora_rank = 64;
    c.q_lora_rank = seed % 2 == 0 ? 48 : 0;
    const MlaLayer layer(c, random);
    const auto h = random_buffer<double>(random, 1, 1, 150, c.hidden, false);
    auto naive = make_buffer<double>(1, 1, 150, c.hidden),
         absorbed = make_buffer<double>(1, 1, 150, c.hidden);
    LatentCache<double> a(c, 1, 150), b(c, 1, 150);
    heads::mla_forward<double>(c, layer.weights, MlaForm::naive, Algorithm::flash2, h.in(), {}, a,
                               naive.view);
    heads::mla_forward<double>(c, layer.weights, MlaForm::absorbed, Algorithm::standard, h.in(), {}, b,
                               absorbed.view);
    expect_close(absorbed.data, naive.data, 1e-12);
  }
}

// Chunks of random lengths, single tokens among them, against one prefill of everything.
TEST(Mla, DecodingFromTheCacheEqualsTheLastRowsOfTheFullComputation) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Random random(seed);
    const MlaLayer layer(random_mla_config(random), random);
    const MlaConfig& c = layer.config;
    const Index batch = random.integer(1, 2), seqlen = random.integer(2, 20);
    const auto h = random_buffer<double>(random, batch, 1, seqlen, c.hidden, false);
    auto full = make_buffer<double>(batch, 1, seqlen, c.hidden);
    LatentCache<double> whole(c, batch, seqlen);
    heads::mla_forward<double>(c, layer.weights, MlaForm::naive, Algorithm::standard, h.in(), {}, whole,
                               full.view);
    SCOPED_TRACE("seed " + std::to_string(seed));
    LatentCache<double> cache(c, batch, seqlen);
    std::vector<Index> done(static_cast<std::size_t>(batch), 0);
    for (bool more = true; more;) {
      more = false;
      // Each sequence takes a chunk of its own length: ragged on both sides.
      std::vector<Index> lens;
      const Index longest = random.chance(0.6) ? 1 : random.integer(1, 6);
      auto chunk = make_buffer<double>(batch, 1, longest, c.hidden, false, NAN), u = chunk;
      u.view = bhsd(u.data.data(), batch, 1, longest, c.hidden);
      for (Index b = 0; b < batch; ++b) {
        Index& begin = done[static_cast<std::size_t>(b)];
        const Index n = std::min(seqlen - begin, random.integer(0, longest));
        lens.push_back(n);
        std::copy_n(h.in().head(b, 0, {begin, n}).data, n * c.hidden, chunk.view.head(b, 0).data);
        begin += n;
        more |= begin < seqlen;
      }
      const MlaForm form = random.chance(0.5) ? MlaForm::naive : MlaForm::absorbed;
      heads::mla_forward<double>(c, layer.weights, form, random_algorithm(random), chunk.in(), lens, cache,
                                 u.view);
      for (Index b = 0; b < batch; ++b) {
        const Index n = lens[static_cast<std::size_t>(b)];
        expect_close({u.view.head(b, 0).data, static_cast<std::size_t>(n * c.hidden)},
                     {full.view.head(b, 0, {done[static_cast<std::size_t>(b)] - n, n}).data,
                      static_cast<std::size_t>(n * c.hidden)},
                     1e-12);
      }
      if (HasFatalFailure()) return;
    }
  }
}

TEST(Mla, TheCacheIsDeepSeekV2s) {
  MlaConfig c;
  c.hidden = 5120, c.num_heads = 128, c.head_dim = 128, c.rope_dim = 64, c.head_dim_v = 128;
  c.kv_lora_rank = 512, c.q_lora_rank = 1536;
  heads::validate(c);
  EXPECT_EQ(c.cache_dim() * 60, 34560);  // elements per token, 60 layers: Table 9 prints 34.6K
  EXPECT_EQ(c.softmax_scale(), 1 / std::sqrt(192.0));
}

TEST(Mla, RefusesWhatDoesNotFit) {
  Random random(3);
  MlaConfig c;
  c.hidden = 4, c.num_heads = 2, c.head_dim = 3, c.rope_dim = 2, c.head_dim_v = 3, c.kv_lora_rank = 5;
  c.q_lora_rank = 6, c.latent_norm = true;
  const MlaLayer layer(c, random);
  const auto h = random_buffer<double>(random, 2, 1, 3, c.hidden, false);
  auto u = make_buffer<double>(2, 1, 3, c.hidden);
  LatentCache<double> cache(c, 2, 4);
  const auto call = [&](const MlaConfig& config, const heads::MlaWeights<double>& w,
                        std::vector<Index> lens) {
    heads::mla_forward<double>(config, w, MlaForm::absorbed, Algorithm::flash2, h.in(), lens, cache, u.view);
  };
  const auto refused = [](auto body, const char* message) {
    EXPECT_THAT(body, ThrowsMessage<InvalidArgument>(HasSubstr(message)));
  };
  const auto with = [&](auto change) {
    MlaConfig other = c;
    change(other);
    return other;
  };
  refused([&] { call(with([](MlaConfig& x) { x.num_heads = 0; }), layer.weights, {}); }, "num_heads: got 0");
  refused([&] { call(with([](MlaConfig& x) { x.rope_dim = 3; }), layer.weights, {}); },
          "rope_dim: got 3, expected an even number");
  refused([&] { call(with([](MlaConfig& x) { x.kv_lora_rank = 4; }), layer.weights, {}); },
          "W_DKV: got [5, 4], expected [4, 4]");
  refused([&] { call(with([](MlaConfig& x) { x.rope.base = NAN; }), layer.weights, {}); },
          "rope.base: got nan");
  auto weights = layer.weights;
  weights.uv.data = nullptr;
  refused([&] { call(c, weights, {}); }, "W_UV: got no data, expected [6, 5]");
  weights = layer.weights;
  weights.kv_norm = {};
  refused([&] { call(c, weights, {}); }, "kv_norm: got 0 gains, expected 5");
  refused([&] { call(c, layer.weights, {1}); }, "lens: got 1 lengths, expected 2");
  refused([&] { call(c, layer.weights, {1, 4}); }, "lens: got 4, expected 0 to seqlen = 3");
  call(c, layer.weights, {});
  refused([&] { call(c, layer.weights, {0, 2}); }, "cache: got 5 tokens, expected at most its capacity 4");
  EXPECT_EQ(cache.lengths(), (std::vector<Index>{3, 3}));
  LatentCache<double> other(with([](MlaConfig& x) { x.rope_dim = 4; }), 2, 4);
  refused(
      [&] {
        heads::mla_forward<double>(c, layer.weights, MlaForm::naive, Algorithm::flash2, h.in(), {}, other,
                                   u.view);
      },
      "cache: got rows of 5 + 4, expected kv_lora_rank + rope_dim = 5 + 2");
  auto wrong = make_buffer<double>(2, 1, 3, 5);
  refused(
      [&] {
        heads::mla_forward<double>(c, layer.weights, MlaForm::naive, Algorithm::flash2, h.in(), {}, cache,
                                   wrong.view);
      },
      "u: got [2, 1, 3, 5], expected [batch, 1, seqlen, hidden] = [2, 1, 3, 4]");
}

}  // namespace
}  // namespace attnlab::testing
