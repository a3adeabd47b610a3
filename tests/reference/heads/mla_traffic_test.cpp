// Do the two tiled forms of multi-head latent attention compute the same on both machines, and move exactly
// what their closed forms say?
#include <gtest/gtest.h>

#include "reference/heads/mla_tiled.h"
#include "simulator/io/closed_mla.h"
#include "simulator/io/metered.h"
#include "tests/reference/attention/random_problem.h"
#include "tests/simulator/io/expect_traffic.h"

namespace attnlab::testing {
namespace {

using heads::MlaShape;
using heads::MlaTiles;

struct Core {
  MlaShape shape;
  MlaTiles tiles;
  Buffer<double> q, c_kv, k_rope, w_uk, w_uv;
  Buffer<double> k, v, q_latent, o_latent;  // workspaces

  explicit Core(std::uint64_t seed, double poison = NAN) {
    Random random(seed);
    MlaShape& s = shape;
    s.num_heads = random.integer(1, 7);
    s.head_dim = random.integer(1, 12);
    s.rope_dim = random.integer(0, 6);
    s.head_dim_v = random.integer(1, 12);
    s.kv_lora_rank = random.integer(1, 20);
    s.seqlen_kv = random.integer(0, 60);
    s.seqlen_q = random.chance(0.3) ? 1 : random.integer(0, 60);
    s.causal = random.chance(0.7);
    tiles = {random.integer(1, 30), random.integer(1, 30), random.integer(1, 8)};
    const auto tensor = [&](Index rows, Index dim) {
      return random_buffer<double>(random, 1, 1, rows, dim, false);
    };
    const bool layout = random.chance(0.5);
    q = random_buffer<double>(random, 1, s.num_heads, s.seqlen_q, s.head_dim + s.rope_dim, layout);
    c_kv = tensor(s.seqlen_kv, s.kv_lora_rank);
    k_rope = tensor(s.seqlen_kv, s.rope_dim);
    w_uk = tensor(s.num_heads * s.head_dim, s.kv_lora_rank);
    w_uv = tensor(s.num_heads * s.head_dim_v, s.kv_lora_rank);
    k = make_buffer<double>(1, s.num_heads, s.seqlen_kv, s.head_dim + s.rope_dim, layout, poison);
    v = make_buffer<double>(1, s.num_heads, s.seqlen_kv, s.head_dim_v, layout, poison);
    q_latent = make_buffer<double>(1, s.num_heads, s.seqlen_q, s.kv_lora_rank, layout, poison);
    o_latent = make_buffer<double>(1, s.num_heads, s.seqlen_q, s.kv_lora_rank, layout, poison);
  }

  heads::MlaInputs<double> in() const {
    return {q.in(), c_kv.in().head(0, 0), k_rope.in().head(0, 0), w_uk.in().head(0, 0), w_uv.in().head(0, 0)};
  }
};

struct Result {
  Buffer<double> o, lse;
  explicit Result(const MlaShape& s)
      : o(make_buffer<double>(1, s.num_heads, s.seqlen_q, s.head_dim_v, false, NAN)),
        lse(make_buffer<double>(1, s.num_heads, s.seqlen_q, 1, false, NAN)) {}
};

template <class Memory>
Result naive(Memory& memory, const Core& c) {
  Result r(c.shape);
  heads::mla_naive<Memory, double>(memory, c.shape, c.in(), {c.k.view, c.v.view}, {r.o.view, r.lse.view},
                                   c.tiles);
  return r;
}
template <class Memory>
Result absorbed(Memory& memory, const Core& c) {
  Result r(c.shape);
  heads::mla_absorbed<Memory, double>(memory, c.shape, c.in(), {c.q_latent.view, c.o_latent.view},
                                      {r.o.view, r.lse.view}, c.tiles);
  return r;
}

// K and V expanded one element at a time, then standard attention on the tensors.
Result expanded_standard(const Core& c) {
  const MlaShape& s = c.shape;
  auto k = make_buffer<double>(1, s.num_heads, s.seqlen_kv, s.head_dim + s.rope_dim);
  auto v = make_buffer<double>(1, s.num_heads, s.seqlen_kv, s.head_dim_v);
  const auto in = c.in();
  for (Index h = 0; h < s.num_heads; ++h) {
    const auto kh = k.view.head(0, h), vh = v.view.head(0, h);
    for (Index j = 0; j < s.seqlen_kv; ++j) {
      for (Index t = 0; t < s.kv_lora_rank; ++t) {
        for (Index e = 0; e < s.head_dim; ++e) kh(j, e) += in.w_uk(h * s.head_dim + e, t) * in.c_kv(j, t);
        for (Index e = 0; e < s.head_dim_v; ++e) vh(j, e) += in.w_uv(h * s.head_dim_v + e, t) * in.c_kv(j, t);
      }
      for (Index e = 0; e < s.rope_dim; ++e) kh(j, s.head_dim + e) = in.k_rope(j, e);
    }
  }
  attention::Problem p;
  p.num_heads = p.num_kv_heads = s.num_heads;
  p.seqlen_q = s.seqlen_q, p.seqlen_kv = s.seqlen_kv;
  p.head_dim = s.head_dim + s.rope_dim, p.head_dim_v = s.head_dim_v;
  p.causal = s.causal;
  Result r(s);
  attention::forward<double>(attention::Algorithm::standard, p,
                             {c.q.in(), k.in(), v.in(), r.o.view, r.lse.view});
  return r;
}

void expect_close(const Buffer<double>& a, const Buffer<double>& b, double tolerance) {
  ASSERT_EQ(a.data.size(), b.data.size());
  double largest = 1;
  for (double x : b.data) largest = std::isinf(x) ? largest : std::max(largest, std::abs(x));
  for (std::size_t n = 0; n < a.data.size(); ++n) {
    if (a.data[n] == b.data[n]) continue;  // -inf among them
    ASSERT_LE(std::abs(a.data[n] - b.data[n]), tolerance * largest) << "at " << n;
  }
}

constexpr std::uint64_t kSeeds = 150;

TEST(MlaTiled, BothFormsEqualStandardAttentionOnExpandedKeysAndValues) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Core core(seed);
    const Result expected = expanded_standard(core);
    SCOPED_TRACE("seed " + std::to_string(seed));
    Direct direct;
    for (const Result& r : {naive(direct, core), absorbed(direct, core)}) {
      // Scores reach 100 here, and their rounding moves the weights by as many ulps.
      expect_close(r.o, expected.o, 1e-11);
      expect_close(r.lse, expected.lse, 1e-12);
    }
    if (HasFailure()) return;
  }
}

TEST(MlaTiled, ClosedFormsEqualTheMeteredMachineAndBothMachinesAgree) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Core core(seed);
    SCOPED_TRACE("seed " + std::to_string(seed));
    Direct direct;
    {
      SCOPED_TRACE("naive");
      io::Metered metered(Sram::kUnlimited);
      const Result expected = naive(direct, core), r = naive(metered, core);
      expect_close(r.o, expected.o, 1e-12);
      expect_close(r.lse, expected.lse, 1e-12);
      expect_equal(io::mla_naive_traffic(core.shape, core.tiles), metered.traffic());
      EXPECT_EQ(metered.sram_in_use(), 0);
    }
    {
      SCOPED_TRACE("absorbed");
      io::Metered metered(Sram::kUnlimited);
      const Result expected = absorbed(direct, core), r = absorbed(metered, core);
      expect_close(r.o, expected.o, 1e-12);
      expect_close(r.lse, expected.lse, 1e-12);
      expect_equal(io::mla_absorbed_traffic(core.shape, core.tiles), metered.traffic());
      EXPECT_EQ(metered.sram_in_use(), 0);
    }
    if (HasFailure()) return;
  }
}

// A closed peak is what the machine needs: one element less is refused.
TEST(MlaTiled, RunsInItsPeakAndNotBelow) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Core core(seed);
    const auto peak = [](const io::Traffic& t) { return static_cast<std::int64_t>(t.sram_peak); };
    io::Metered naive_fits(peak(io::mla_naive_traffic(core.shape, core.tiles)));
    io::Metered naive_lacks(peak(io::mla_naive_traffic(core.shape, core.tiles)) - 1);
    EXPECT_NO_THROW(naive(naive_fits, core));
    EXPECT_THROW(naive(naive_lacks, core), SramOverflow);
    io::Metered absorbed_fits(peak(io::mla_absorbed_traffic(core.shape, core.tiles)));
    io::Metered absorbed_lacks(peak(io::mla_absorbed_traffic(core.shape, core.tiles)) - 1);
    EXPECT_NO_THROW(absorbed(absorbed_fits, core));
    EXPECT_THROW(absorbed(absorbed_lacks, core), SramOverflow);
  }
}

// DeepSeek-V2 on a context of 128 Ki: decoding moves far less in the absorbed form, prefill computes far less
// in the naive one.
TEST(MlaTiled, DecodingWantsTheAbsorbedFormAndPrefillTheNaiveOne) {
  MlaShape s;
  s.num_heads = 128, s.head_dim = 128, s.rope_dim = 64, s.head_dim_v = 128, s.kv_lora_rank = 512;
  s.seqlen_q = 1, s.seqlen_kv = 131072;
  const MlaTiles tiles{64, 64, 64};
  const io::ElementSizes fp16(DType::f16);
  const auto moved = [&](const io::Traffic& t) { return static_cast<double>(io::bytes(t, fp16).total()); };
  EXPECT_GT(moved(io::mla_naive_traffic(s, tiles)), 100 * moved(io::mla_absorbed_traffic(s, tiles)));
  s.seqlen_q = s.seqlen_kv;
  EXPECT_GT(static_cast<double>(io::mla_absorbed_traffic(s, tiles).flop(Flop::matmul)),
            3 * static_cast<double>(io::mla_naive_traffic(s, tiles).flop(Flop::matmul)));
}

}  // namespace
}  // namespace attnlab::testing
