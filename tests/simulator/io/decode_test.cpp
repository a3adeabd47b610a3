// Is the closed form of a decode step equal, to the element, to what the step moves and computes on the
// metered machine, and does a group of heads load its cache once?
#include "reference/kv/decode.h"

#include <gtest/gtest.h>

#include "simulator/io/closed_decode.h"
#include "simulator/io/metered.h"
#include "tests/reference/attention/random_problem.h"
#include "tests/simulator/io/expect_traffic.h"

namespace attnlab::testing {
namespace {

using attention::Problem;

// Decodes the last token of the case's K and V on the machine, KV head by KV head.
io::Traffic metered_step(const Case& c, Index bc, std::int64_t sram_elements) {
  const Problem& p = c.p;
  kv::Cache<double> cache(p.num_kv_heads, p.head_dim, p.head_dim_v, p.seqlen_kv);
  const auto rows = [](const TensorView<const double>& tensor, Index t) -> MatrixView<const double> {
    return {&tensor.head(0, 0)(t, 0), tensor.heads, tensor.dim, tensor.head_stride};
  };
  const Index last = p.seqlen_kv - 1;
  for (Index t = 0; t < last; ++t) cache.append(rows(c.k.in(), t), rows(c.v.in(), t));
  cache.extend();
  std::vector<double> o(static_cast<std::size_t>(p.num_heads * p.head_dim_v)),
      lse(static_cast<std::size_t>(p.num_heads));
  const kv::TokenOutputs<double> out{{o.data(), p.num_heads, p.head_dim_v, p.head_dim_v},
                                     {lse.data(), p.num_heads, 1, 1}};
  const kv::NewToken<double> token{rows(c.q.in(), 0), rows(c.k.in(), last), rows(c.v.in(), last)};
  io::Metered memory(sram_elements);
  if (p.page_size > 0) {
    kv::CacheManager manager({.num_blocks = p.seqlen_kv, .block_size = p.page_size});
    kv::PagedMemory<double> pages(p.seqlen_kv, p.page_size, p.num_kv_heads, p.head_dim, p.head_dim_v);
    kv::SequenceId id = 0;
    kv::Slot slot;
    for (Index t = 0; t <= last; ++t) {
      if (t == 0) {
        id = manager.start({0}).id;
        slot = {manager.table(id)[0], 0, {}};
      } else {
        slot = manager.append(id, 0);
      }
      pages.write(slot, rows(c.k.in(), t), rows(c.v.in(), t));
    }
    for (Index kv_head = 0; kv_head < p.num_kv_heads; ++kv_head) {
      kv::decode_kv_head(memory, p, kv_head, pages.rows(manager.table(id), p.seqlen_kv, kv_head, slot), token,
                         out, bc);
    }
    return memory.traffic();
  }
  for (Index kv_head = 0; kv_head < p.num_kv_heads; ++kv_head) {
    kv::decode_kv_head(memory, p, kv_head, cache.rows(kv_head), token, out, bc);
  }
  EXPECT_EQ(memory.sram_in_use(), 0);
  return memory.traffic();
}

void make_step(Case& c, std::uint64_t seed) {
  Random random(seed);
  Problem& p = c.p;
  p.num_kv_heads = random.integer(1, 4);
  p.num_heads = p.num_kv_heads * random.integer(1, 8);
  p.seqlen_q = 1;
  p.seqlen_kv = random.integer(1, 120);
  p.head_dim = random.integer(1, 40);
  p.head_dim_v = random.integer(1, 40);
  std::string& d = c.description;
  if (random.chance(0.3)) p.causal = true, d += " causal";
  if (random.chance(0.5)) p.window.left = random.integer(0, 130), d += " window";
  if (random.chance(0.3)) p.softcap = 2, d += " softcap";
  if (random.chance(0.3)) {
    for (Index h = 0; h < p.num_heads; ++h) p.alibi_slopes.push_back(random.chance(0.3) ? 0 : 0.5);
    d += " alibi";
  }
  if (random.chance(0.3)) p.sinks.assign(static_cast<std::size_t>(p.num_heads), 1), d += " sinks";
  if (random.chance(0.3)) {
    const Index cols = random.chance(0.5) ? p.seqlen_kv : 1, heads = random.chance(0.5) ? p.num_heads : 1;
    c.bias.assign(static_cast<std::size_t>(heads * cols), 0.25f);
    p.bias = broadcast(c.bias.data(), 1, heads, 1, cols), d += " bias";
  }
  if (random.chance(0.3)) {
    const Index cols = random.chance(0.5) ? p.seqlen_kv : 1;
    for (Index n = 0; n < cols; ++n) c.mask.push_back(random.chance(0.8) ? 1 : 0);
    p.mask = broadcast(c.mask.data(), 1, 1, 1, cols), d += " mask";
  }
  if (random.chance(0.2)) p.dropout.p = 0.5, d += " dropout";
  if (random.chance(0.4)) p.page_size = random.integer(1, 40), d += " pages";
  fill_tensors(c, random);
}

TEST(Decode, EqualsTheMeteredMachine) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Case c;
    make_step(c, seed);
    const Index bc = Random(seed + 9000).integer(1, 60);
    SCOPED_TRACE("seed " + std::to_string(seed) + c.description);
    const io::Traffic closed = io::decode_traffic(c.p, bc);
    expect_equal(closed, metered_step(c, bc, Sram::kUnlimited));
    if (HasFailure()) return;
    // The peak is exactly what the step needs.
    const auto peak = static_cast<std::int64_t>(closed.sram_peak);
    EXPECT_NO_THROW(metered_step(c, bc, peak));
    EXPECT_THROW(metered_step(c, bc, peak - 1), SramOverflow);
  }
}

TEST(Decode, SumsOverTheSequencesOfABatch) {
  Problem p;
  p.batch = 3, p.num_heads = 6, p.num_kv_heads = 2, p.seqlen_q = 1, p.seqlen_kv = 90, p.head_dim = 16;
  p.head_dim_v = 8, p.window.left = 40;
  Problem one = p;
  one.batch = 1;
  expect_equal(io::decode_traffic(p, 16), io::decode_traffic(one, 16).times(3));
  p.kv_lens = {1, 33, 90};
  io::Traffic sum;
  for (const Index length : p.kv_lens) {
    one.seqlen_kv = length;
    sum += io::decode_traffic(one, 16);
  }
  expect_equal(io::decode_traffic(p, 16), sum);
}

TEST(Decode, AGroupLoadsItsCacheOnce) {
  Problem mha;
  mha.num_heads = mha.num_kv_heads = 64, mha.seqlen_q = 1, mha.seqlen_kv = 5000;
  mha.head_dim = mha.head_dim_v = 128;
  const io::Traffic full = io::decode_traffic(mha, 128);
  EXPECT_EQ(io::to_string(full.load(Hbm::K)), std::to_string(64 * 5001 * 128));
  for (const Index kv_heads : {1, 2, 8, 32}) {
    Problem shared = mha;
    shared.num_kv_heads = kv_heads;
    const io::Traffic t = io::decode_traffic(shared, 128);
    for (const Hbm tensor : {Hbm::K, Hbm::V}) {
      EXPECT_EQ(io::to_string(t.load(tensor) * static_cast<io::Count>(64 / kv_heads)),
                io::to_string(full.load(tensor)));
    }
    EXPECT_EQ(io::to_string(t.flop(Flop::matmul)), io::to_string(full.flop(Flop::matmul)));
  }
}

}  // namespace
}  // namespace attnlab::testing
