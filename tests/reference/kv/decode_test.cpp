// Does decoding token by token, out of a cache, give the rows of the full causal computation?
#include "reference/kv/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "reference/attention/attention.h"
#include "tests/reference/attention/random_problem.h"

namespace attnlab::testing {
namespace {

using attention::Problem;

// A whole causal sequence with every option that one query can have.
void make_sequence(Case& c, std::uint64_t seed) {
  Random random(seed);
  Problem& p = c.p;
  constexpr Index kGroups[] = {1, 2, 3, 4, 8};
  p.num_kv_heads = random.integer(1, 3);
  p.num_heads = p.num_kv_heads * kGroups[seed % 5];
  p.seqlen_q = p.seqlen_kv = random.integer(1, 40);
  p.head_dim = random.integer(1, 24);
  p.head_dim_v = random.chance(0.5) ? p.head_dim : random.integer(1, 24);
  p.causal = true;
  std::string& d = c.description;
  if (random.chance(0.3)) p.softmax_scale = 0.05 + random.uniform(), d += " scale";
  if (random.chance(0.4)) p.window.left = random.integer(0, 30), d += " window";
  if (random.chance(0.4)) p.softcap = 0.5 + 3 * random.uniform(), d += " softcap";
  if (random.chance(0.4)) {
    for (Index h = 0; h < p.num_heads; ++h) p.alibi_slopes.push_back(random.uniform());
    d += " alibi";
  }
  if (random.chance(0.4)) {
    for (Index h = 0; h < p.num_heads; ++h) p.sinks.push_back(random.normal());
    d += " sinks";
  }
  const Index scores = p.num_heads * p.seqlen_q * p.seqlen_kv;
  if (random.chance(0.3)) {
    for (Index n = 0; n < scores; ++n)
      c.bias.push_back(random.chance(0.1) ? -INFINITY : static_cast<float>(random.normal()));
    p.bias = broadcast(c.bias.data(), 1, p.num_heads, p.seqlen_q, p.seqlen_kv), d += " bias";
  }
  if (random.chance(0.3)) {
    for (Index n = 0; n < scores; ++n) c.mask.push_back(random.chance(0.8) ? 1 : 0);
    p.mask = broadcast(c.mask.data(), 1, p.num_heads, p.seqlen_q, p.seqlen_kv), d += " mask";
  }
  fill_tensors(c, random);
}

template <class T>
BroadcastView<T> row_of_broadcast(BroadcastView<T> view, Index row) {
  if (view) view.data += row * view.row_stride, view.rows = 1, view.cols = row + 1;
  return view;
}

// The problem of decoding token t.
Problem step(const Problem& full, Index t) {
  Problem p = full;
  p.seqlen_q = 1;
  p.seqlen_kv = t + 1;
  p.bias = row_of_broadcast(full.bias, t);
  p.mask = row_of_broadcast(full.mask, t);
  return p;
}

// The rows of token t in every head: [heads, dim].
template <class T>
MatrixView<T> token_rows(const TensorView<T>& tensor, Index t) {
  return {&tensor.head(0, 0)(t, 0), tensor.heads, tensor.dim, tensor.head_stride};
}

kv::NewToken<double> token_of(const Case& c, Index t) {
  return {token_rows(c.q.in(), t), token_rows(c.k.in(), t), token_rows(c.v.in(), t)};
}

struct Outputs {
  explicit Outputs(const Problem& p)
      : o(make_buffer<double>(1, p.num_heads, p.seqlen_q, p.head_dim_v, false, NAN)),
        lse(make_buffer<double>(1, p.num_heads, p.seqlen_q, 1, false, NAN)) {}
  Buffer<double> o, lse;
  kv::TokenOutputs<double> at(Index t) { return {token_rows(o.view, t), token_rows(lse.view, t)}; }
};

kv::Cache<double> cache_for(const Problem& p) {
  return {p.num_kv_heads, p.head_dim, p.head_dim_v, p.seqlen_kv};
}

void expect_near(const Buffer<double>& got, const Buffer<double>& expected, double tolerance) {
  for (std::size_t n = 0; n < expected.data.size(); ++n) {
    if (got.data[n] == expected.data[n]) continue;  // equal infinities too
    ASSERT_LE(std::abs(got.data[n] - expected.data[n]), tolerance * (1 + std::abs(expected.data[n]))) << n;
  }
}

TEST(Decode, TokenByTokenIsTheFullCausalComputation) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Case c;
    make_sequence(c, seed);
    SCOPED_TRACE("seed " + std::to_string(seed) + c.description);
    Outputs full(c.p), decoded(c.p);
    attention::forward<double>(attention::Algorithm::standard, c.p,
                               {c.q.in(), c.k.in(), c.v.in(), full.o.view, full.lse.view});
    auto cache = cache_for(c.p);
    Random random(seed + 7000);
    for (Index t = 0; t < c.p.seqlen_q; ++t) {
      kv::decode(step(c.p, t), cache, token_of(c, t), decoded.at(t), {random.integer(1, 50), 1});
    }
    EXPECT_EQ(cache.length(), c.p.seqlen_kv);
    // The rounding of sums of 40 terms of size 1.
    expect_near(decoded.o, full.o, 1e-13);
    expect_near(decoded.lse, full.lse, 1e-13);
    if (HasFailure()) return;
  }
}

TEST(Decode, ThreadsAndTheDefaultBlockChangeNothing) {
  Case c;
  make_sequence(c, 12);
  Outputs one(c.p), many(c.p);
  auto cache_one = cache_for(c.p), cache_many = cache_for(c.p);
  for (Index t = 0; t < c.p.seqlen_q; ++t) {
    kv::decode(step(c.p, t), cache_one, token_of(c, t), one.at(t), {c.p.seqlen_kv, 1});
    kv::decode(step(c.p, t), cache_many, token_of(c, t), many.at(t), {0, 3});
  }
  EXPECT_EQ(one.o.data, many.o.data);
  EXPECT_EQ(one.lse.data, many.lse.data);
}

// A prompt enters the cache by append(), what follows by decode().
TEST(Decode, ContinuesAnAppendedPrompt) {
  Case c;
  make_sequence(c, 3);
  Outputs whole(c.p), continued(c.p);
  auto cache_whole = cache_for(c.p), cache = cache_for(c.p);
  for (Index t = 0; t < c.p.seqlen_q; ++t) {
    const kv::NewToken<double> token = token_of(c, t);
    kv::decode(step(c.p, t), cache_whole, token, whole.at(t));
    if (t + 1 < c.p.seqlen_q) {
      cache.append(token.k, token.v);
    } else {
      kv::decode(step(c.p, t), cache, token, continued.at(t));
      for (Index h = 0; h < c.p.num_heads; ++h) {
        EXPECT_EQ(continued.lse.view.head(0, h)(t, 0), whole.lse.view.head(0, h)(t, 0));
      }
    }
  }
}

TEST(Decode, KeysBeyondTheWindowMayHoldAnything) {
  for (const double poison : {std::nan(""), HUGE_VAL}) {
    Case c;
    make_sequence(c, 20);
    c.p.window.left = 3;
    auto clean = cache_for(c.p), poisoned = cache_for(c.p);
    const Index last = c.p.seqlen_kv - 1;
    ASSERT_GT(last, 4);
    for (Index t = 0; t < last; ++t) {
      clean.append(token_of(c, t).k, token_of(c, t).v);
      poisoned.append(token_of(c, t).k, token_of(c, t).v);
      if (t + 3 >= last) continue;
      as_eigen(token_rows(poisoned.k(), t)).setConstant(poison);
      as_eigen(token_rows(poisoned.v(), t)).setConstant(poison);
    }
    Outputs expected(c.p), got(c.p);
    kv::decode(step(c.p, last), clean, token_of(c, last), expected.at(last));
    kv::decode(step(c.p, last), poisoned, token_of(c, last), got.at(last));
    for (Index h = 0; h < c.p.num_heads; ++h) {
      for (Index x = 0; x < c.p.head_dim_v; ++x) {
        const double want = expected.o.view.head(0, h)(last, x);
        EXPECT_LE(std::abs(got.o.view.head(0, h)(last, x) - want), 1e-14 * (1 + std::abs(want)));
      }
    }
  }
}

TEST(Decode, FloatsToo) {
  const std::vector<float> q{1, 0}, k{3, 0, 0, 3}, v{1, 2, 3, 4};
  kv::Cache<float> cache(1, 2, 2, 2);
  cache.append({k.data(), 1, 2, 2}, {v.data(), 1, 2, 2});
  Problem p;
  p.seqlen_q = 1, p.seqlen_kv = 2, p.head_dim = p.head_dim_v = 2;
  float o[2], lse;
  kv::decode<float>(p, cache, {{q.data(), 1, 2, 2}, {k.data() + 2, 1, 2, 2}, {v.data() + 2, 1, 2, 2}},
                    {{o, 1, 2, 2}, {&lse, 1, 1, 1}});
  const double s = 3 / std::sqrt(2.0), weight = std::exp(s) / (std::exp(s) + 1);  // scores s and 0
  EXPECT_NEAR(o[0], weight * 1 + (1 - weight) * 3, 1e-6);
  EXPECT_NEAR(o[1], weight * 2 + (1 - weight) * 4, 1e-6);
  EXPECT_NEAR(lse, std::log(std::exp(s) + 1), 1e-6);
}

TEST(Decode, RefusesNumbersThatItsTypeDoesNotHold) {
  Problem p;
  p.seqlen_q = p.seqlen_kv = p.head_dim = p.head_dim_v = 1;
  p.softmax_scale = 1e300;
  kv::Cache<float> cache(1, 1, 1, 1);
  float x = 1, o = 0, lse = 0;
  const kv::NewToken<float> token{{&x, 1, 1, 1}, {&x, 1, 1, 1}, {&x, 1, 1, 1}};
  EXPECT_THROW(kv::decode(p, cache, token, {{&o, 1, 1, 1}, {&lse, 1, 1, 1}}), InvalidArgument);
  EXPECT_EQ(cache.length(), 0);
}

// Through pages that two sequences share and then copy, the same bits as through a cache in one piece.
TEST(Decode, ThroughPagesIsTheSameBits) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Case c;
    make_sequence(c, seed);
    SCOPED_TRACE("seed " + std::to_string(seed) + c.description);
    Random random(seed + 800);
    const Index bc = random.integer(1, 50), page_size = random.integer(1, 9);
    kv::CacheManager manager({.num_blocks = 2 * c.p.seqlen_kv, .block_size = page_size});
    kv::PagedMemory<double> pages(manager.pool().size(), page_size, c.p.num_kv_heads, c.p.head_dim,
                                  c.p.head_dim_v);
    auto whole = cache_for(c.p);
    Outputs expected(c.p), got(c.p);
    kv::SequenceId id = 0;
    for (Index t = 0; t < c.p.seqlen_q; ++t) {
      Problem p = step(c.p, t);
      kv::decode(p, whole, token_of(c, t), expected.at(t), {bc, 1});
      kv::Slot slot{0, 0, {}};
      if (t == 0) {
        id = manager.start({0}).id;
        slot.block = manager.table(id)[0];
      } else {
        if (random.chance(0.2)) {  // the twin writes into the last page first
          const kv::SequenceId twin = manager.fork(id);
          const kv::Slot elsewhere = manager.append(twin, 1);
          pages.write(elsewhere, token_of(c, 0).k, token_of(c, 0).v);
          if (random.chance(0.5)) manager.drop(twin);
        }
        slot = manager.append(id, 0);
      }
      p.page_size = page_size;
      kv::decode(p, pages, manager.table(id), slot, token_of(c, t), got.at(t), {bc, 1});
    }
    EXPECT_EQ(got.o.data, expected.o.data);
    EXPECT_EQ(got.lse.data, expected.lse.data);
    if (HasFailure()) return;
  }
}

TEST(Decode, RefusesASlotThatIsNotTheNewest) {
  Problem p;
  p.seqlen_q = 1, p.seqlen_kv = 3, p.head_dim = p.head_dim_v = 1, p.page_size = 2;
  kv::PagedMemory<double> pages(4, 2, 1, 1, 1);
  std::vector<double> one(1, 1.0), o(1, 7.0), lse(1, 7.0);
  const MatrixView<const double> row{one.data(), 1, 1, 1};
  const auto run = [&](std::vector<kv::BlockId> table, kv::Slot slot) {
    kv::decode<double>(p, pages, table, slot, {row, row, row}, {{o.data(), 1, 1, 1}, {lse.data(), 1, 1, 1}});
  };
  EXPECT_THROW(run({0}, {0, 0, {}}), InvalidArgument);
  EXPECT_THROW(run({0, 4}, {4, 0, {}}), InvalidArgument);
  EXPECT_THROW(run({0, 3}, {0, 0, {}}), InvalidArgument);
  EXPECT_THROW(run({0, 3}, {3, 1, {}}), InvalidArgument);
  EXPECT_EQ(o[0], 7.0);
  p.page_size = 1;
  EXPECT_THROW(run({0, 3}, {3, 0, {}}), InvalidArgument) << "the cache's pages have two rows";
  EXPECT_THROW(kv::PagedMemory<double>(1, 0, 1, 1, 1), InvalidArgument);
  EXPECT_THROW(kv::PagedMemory<double>(Index{1} << 40, 1 << 20, 1 << 20, 1 << 20, 1), InvalidArgument);
}

class DecodeRefusals : public ::testing::Test {
 protected:
  DecodeRefusals() : p(problem()), cache(2, 3, 5, 2), o(20, 7.0), lse(4, 7.0), q(12), k(6), v(10) {
    cache.append(token().k, token().v);
  }
  static Problem problem() {
    Problem p;
    p.num_heads = 4, p.num_kv_heads = 2, p.seqlen_q = 1, p.seqlen_kv = 2, p.head_dim = 3, p.head_dim_v = 5;
    return p;
  }
  kv::NewToken<double> token() const {
    return {{q.data(), 4, 3, 3}, {k.data(), 2, 3, 3}, {v.data(), 2, 5, 5}};
  }
  kv::TokenOutputs<double> out() { return {{o.data(), 4, 5, 5}, {lse.data(), 4, 1, 1}}; }

  // Refused with this message, and nothing has changed.
  void expect(const std::string& message, const Problem& problem, const kv::NewToken<double>& token,
              const kv::TokenOutputs<double>& outputs, const kv::DecodeOptions& options = {}) {
    const Index before = cache.length();
    try {
      kv::decode(problem, cache, token, outputs, options);
      ADD_FAILURE() << "accepted: " << message;
    } catch (const InvalidArgument& error) {
      EXPECT_EQ(error.what(), message);
    }
    EXPECT_EQ(cache.length(), before);
    EXPECT_THAT(o, ::testing::Each(7.0));
    EXPECT_THAT(lse, ::testing::Each(7.0));
  }
  void expect(const std::string& message, const Problem& problem) {
    expect(message, problem, token(), out());
  }

  Problem p;
  kv::Cache<double> cache;
  std::vector<double> o, lse, q, k, v;
};

TEST_F(DecodeRefusals, NameWhatDoesNotFit) {
  Problem bad = p;
  bad.batch = 2;
  expect("batch: got 2, expected 1, one sequence a cache", bad);
  bad = p, bad.seqlen_q = 3;
  expect("seqlen_q: got 3, expected 1, the new token", bad);
  bad = p, bad.seqlen_kv = 1;
  expect("seqlen_kv: got 1, expected 2, the cached tokens and the new one", bad);
  bad = p, bad.kv_lens = {1};
  expect("problem: got packed or padded sequences, expected one sequence, as long as the cache", bad);
  bad = p, bad.num_kv_heads = 4;
  expect("num_kv_heads: got 4, expected 2, those of the cache", bad);
  bad = p, bad.head_dim = 4;
  expect("head_dim: got 4, expected 3, that of the cache", bad);
  bad = p, bad.head_dim_v = 4;
  expect("head_dim_v: got 4, expected 5, that of the cache", bad);
  bad = p, bad.softcap = -1;
  expect("softcap: got -1, expected 0 (none) or a positive finite number", bad);
  bad = p, bad.sinks = {1};
  expect("sinks: got 1 sinks, expected num_heads = 4", bad);

  kv::NewToken<double> wrong = token();
  wrong.q.rows = 3;
  expect("q: got [3, 3], expected [4, 3]", p, wrong, out());
  wrong = token(), wrong.k.cols = 2;
  expect("k: got [2, 2], expected [2, 3]", p, wrong, out());
  wrong = token(), wrong.v = {};
  expect("v: got no data, expected [2, 5]", p, wrong, out());
  kv::TokenOutputs<double> short_out = out();
  short_out.o.cols = 4;
  expect("o: got [4, 4], expected [4, 5]", p, token(), short_out);
  short_out = out(), short_out.lse.rows = 1;
  expect("lse: got [1, 1], expected [4, 1]", p, token(), short_out);
  expect("bc: got -1, expected 0 or more", p, token(), out(), {-1, 1});
}

TEST_F(DecodeRefusals, AFullCache) {
  cache.append(token().k, token().v);
  Problem third = p;
  third.seqlen_kv = 3;
  expect("cache: got token 3, expected at most its capacity of 2", third);
  EXPECT_THROW(kv::decode(third, cache, token(), out()), kv::CacheFull);
  EXPECT_THROW(cache.append(token().k, token().v), kv::CacheFull);
}

TEST_F(DecodeRefusals, OfTheCache) {
  EXPECT_THROW(cache.append(token().v, token().k), InvalidArgument);
  EXPECT_THROW(cache.append({}, token().v), InvalidArgument);
  EXPECT_EQ(cache.length(), 1);
  const auto message = [](Index heads, Index dim, Index dim_v, Index capacity) -> std::string {
    try {
      kv::Cache<double> refused(heads, dim, dim_v, capacity);
    } catch (const InvalidArgument& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(message(0, 1, 1, 1), "num_kv_heads: got 0, expected 1 or more");
  EXPECT_EQ(message(1, -2, 1, 1), "head_dim: got -2, expected 1 or more");
  EXPECT_EQ(message(1, 1, 0, 1), "head_dim_v: got 0, expected 1 or more");
  EXPECT_EQ(message(1, 1, 1, 0), "capacity: got 0, expected 1 or more");
  EXPECT_EQ(message(Index{1} << 31, 2, 2, Index{1} << 32),
            "cache: got 9223372036854775808 x 2, expected a size below 2^64");
}

}  // namespace
}  // namespace attnlab::testing
