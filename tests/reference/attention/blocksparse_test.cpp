// Is block-sparse FlashAttention (Dao et al. 2022, Algorithm 5) standard attention with the same blocks
// hidden by a boolean mask, forward and backward?
#include <gtest/gtest.h>

#include "reference/attention/head.h"
#include "tests/reference/attention/passes.h"

namespace attnlab::testing {
namespace {

using attention::Algorithm;
using attention::Problem;

// Whether a broadcast mask lets (b, h, i, j) through.
bool allows(const Problem& p, Index b, Index h, Index i, Index j) {
  if (!p.mask) return true;
  const auto& m = p.mask;
  return m.data[(m.batch == 1 ? 0 : b) * m.batch_stride + (m.heads == 1 ? 0 : h) * m.head_stride +
                (m.rows == 1 ? 0 : i) * m.row_stride + (m.cols == 1 ? 0 : j) * m.col_stride] != 0;
}

double worst(const Buffer<double>& a, const Buffer<double>& b) {
  double w = 0;
  for (std::size_t n = 0; n < a.data.size(); ++n) {
    if (a.data[n] == b.data[n]) continue;
    const double difference = std::abs(a.data[n] - b.data[n]) / (1 + std::abs(b.data[n]));
    if (!(difference <= w)) w = std::isnan(difference) ? INFINITY : difference;
  }
  return w;
}

TEST(BlockSparse, IsStandardAttentionUnderTheSameMask) {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    Case c;
    make_case(c, seed, 70);
    SCOPED_TRACE("seed " + std::to_string(seed) + c.description);
    const Problem& p = c.p;
    Random random(seed + 6000);
    attention::Options sparse;
    sparse.threads = 1;
    sparse.tiles = {random.integer(1, 30), random.integer(1, 30)};
    sparse.block_mask.row_blocks = ceil_div(p.seqlen_q, sparse.tiles.br);
    sparse.block_mask.col_blocks = ceil_div(p.seqlen_kv, sparse.tiles.bc);
    std::vector<std::uint8_t> blocks(
        static_cast<std::size_t>(sparse.block_mask.row_blocks * sparse.block_mask.col_blocks + 1));
    const double density = random.uniform();
    for (auto& block : blocks) block = random.chance(density) ? 1 : 0;
    sparse.block_mask.data = blocks.data();

    std::vector<std::uint8_t> mask;
    for (Index b = 0; b < p.batch; ++b) {
      for (Index h = 0; h < p.num_heads; ++h) {
        for (Index i = 0; i < p.seqlen_q; ++i) {
          for (Index j = 0; j < p.seqlen_kv; ++j) {
            const bool exists = sparse.block_mask(i / sparse.tiles.br, j / sparse.tiles.bc);
            mask.push_back(exists && allows(p, b, h, i, j) ? 1 : 0);
          }
        }
      }
    }
    mask.push_back(0);  // never an empty vector's null
    Problem masked = p;
    masked.mask = broadcast<std::uint8_t>(mask.data(), p.batch, p.num_heads, p.seqlen_q, p.seqlen_kv);

    const PassInputs<double> in = convert<double>(c);
    Passes<double> expected(p, NAN), got(p, NAN);
    attention::Options dense;
    dense.threads = 1;
    run_passes(Algorithm::standard, masked, in, dense, expected);
    run_passes(Algorithm::blocksparse, p, in, sparse, got);
    EXPECT_LE(worst(got.o, expected.o), 1e-13);
    EXPECT_LE(worst(got.lse, expected.lse), 1e-13);
    EXPECT_LE(worst(got.dq, expected.dq), 1e-12);
    EXPECT_LE(worst(got.dk, expected.dk), 1e-12);
    EXPECT_LE(worst(got.dv, expected.dv), 1e-12);
    if (HasFailure()) return;
  }
}

// Tiles that the mask leaves out are never read: they may hold anything.
TEST(BlockSparse, LeavesOutWhatTheMaskLeavesOut) {
  Problem p;
  p.seqlen_q = p.seqlen_kv = 24, p.head_dim = p.head_dim_v = 4;
  attention::Options options;
  options.tiles = {8, 8};
  const std::vector<std::uint8_t> blocks{1, 0, 1, 0, 0, 1, 1, 0, 0};  // nothing of column block 1
  options.block_mask = {blocks.data(), 3, 3};
  Random random(5);
  PassInputs<double> in{
      random_buffer<double>(random, 1, 1, 24, 4, false), random_buffer<double>(random, 1, 1, 24, 4, false),
      random_buffer<double>(random, 1, 1, 24, 4, false), random_buffer<double>(random, 1, 1, 24, 4, false)};
  Passes<double> clean(p), poisoned(p);
  run_passes(Algorithm::blocksparse, p, in, options, clean);
  as_eigen(in.k.view.head(0, 0, {8, 8})).setConstant(NAN);
  as_eigen(in.v.view.head(0, 0, {8, 8})).setConstant(NAN);
  run_passes(Algorithm::blocksparse, p, in, options, poisoned);
  EXPECT_EQ(poisoned.o.data, clean.o.data);
  EXPECT_EQ(poisoned.dq.data, clean.dq.data);
  EXPECT_EQ(poisoned.dk.data, clean.dk.data);
  EXPECT_EQ(poisoned.dv.data, clean.dv.data);
}

}  // namespace
}  // namespace attnlab::testing
