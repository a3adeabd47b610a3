// Closed forms of FlashAttention-1, -2 and the block-sparse variant: one set of sums over visited tiles
// serves all three.
#include "simulator/io/closed_flash.h"

#include "simulator/io/closed_steps.h"

namespace attnlab::io {

using attention::Algorithm;
using attention::BlockMask;
using attention::Head;
using attention::Initialise;
using attention::Tiles;

namespace {

// backward_tile.h over all visited tiles, without the algorithm's own weights.
void add_backward_tiles(Traffic& t, const Head& head, const TileSums& sums) {
  const Count area = sums.area(), d = u(head.head_dim), dv = u(head.head_dim_v);
  t.flop(Flop::matmul) += area * (6 * d + 4 * dv);
  add_scoring(t, head, sums);
  if (head.dropout.p != 0) t.flop(Flop::other) += 2 * area;
  t.flop(Flop::other) += 2 * area;
  if (head.softcap != 0) t.flop(Flop::other) += 4 * area;
}

// SRAM that backward_tile holds beside its operands: P, the capped scores, and the mask tile or dP.
Count backward_tile_sram(const Head& head, Count r, Count c) {
  const Count softcap = head.softcap != 0 ? r * c : 0;
  return r * c + softcap + std::max(broadcast_tile(head, r, c), r * c);
}

// dK and dV: stored once, and read first by the later heads of a group.
void add_kv_gradients(Traffic& t, const Head& head) {
  const Count nk = u(head.seqlen_kv);
  t.store(Hbm::dK) += nk * u(head.head_dim);
  t.store(Hbm::dV) += nk * u(head.head_dim_v);
  if (!head.first_of_group) {
    t.load(Hbm::dK) += nk * u(head.head_dim);
    t.load(Hbm::dV) += nk * u(head.head_dim_v);
  }
}

}  // namespace

Traffic ClosedForm<Algorithm::flash2>::forward(const Head& head, Tiles tiles, const BlockMask&) {
  const TileSums sums = band_tiles(head, tiles);
  const Count nq = u(head.seqlen_q), d = u(head.head_dim), dv = u(head.head_dim_v);
  const Count area = sums.area(), rows = sums.rows();
  Traffic t;
  t.load(Hbm::Q) = nq * d;
  t.load(Hbm::K) = sums.cols() * d;
  t.load(Hbm::V) = sums.cols() * dv;
  t.store(Hbm::O) = nq * dv;
  t.store(Hbm::lse) = nq;
  t.flop(Flop::matmul) = 2 * area * (d + dv);
  add_scoring(t, head, sums);
  t.flop(Flop::exp) += area + rows + nq;
  t.flop(Flop::other) += 3 * area + 2 * rows + rows * dv + nq * dv + nq;
  if (head.dropout.p != 0) t.flop(Flop::other) += area;
  add_block_table(t, head, tiles.bc, [&](Rows j) {
    const attention::Blocks seeing = visible_row_blocks(head, j, tiles.br);
    return u(seeing.last() - seeing.first());
  });

  const auto block_sram = [&](Count r) { return r * (d + dv + 2); };
  t.peak(block_sram(u(std::min(sums.full.br, head.seqlen_q))));
  for_each_tile_size(sums, [&](Count r, Count c) {
    t.peak(block_sram(r) + c * d + r * c + std::max(broadcast_tile(head, r, c), c * dv));
  });
  return t;
}

Traffic ClosedForm<Algorithm::flash2>::backward(const Head& head, Tiles tiles, const BlockMask&) {
  const TileSums sums = band_tiles(head, tiles);
  const Count nq = u(head.seqlen_q), nk = u(head.seqlen_kv), d = u(head.head_dim), dv = u(head.head_dim_v);
  const Count area = sums.area(), rows = sums.rows(), reached = sums.rows_reached();
  Traffic t;
  t.load(Hbm::O) = nq * dv;
  t.load(Hbm::dO) = nq * dv + rows * dv;
  t.store(Hbm::delta) = nq;
  t.load(Hbm::delta) = t.load(Hbm::lse) = rows;
  t.load(Hbm::K) = sums.cols_reached() * d;
  t.load(Hbm::V) = sums.cols_reached() * dv;
  t.load(Hbm::Q) = rows * d;
  t.load(Hbm::dQ) = (rows - reached) * d;
  t.store(Hbm::dQ) = (rows + nq - reached) * d;
  add_kv_gradients(t, head);
  add_backward_tiles(t, head, sums);
  t.flop(Flop::exp) += area;
  t.flop(Flop::other) += area + 2 * nq * dv;

  const Count r0 = u(std::min(sums.full.br, head.seqlen_q)), c0 = u(std::min(sums.full.bc, head.seqlen_kv));
  t.peak(r0 * (2 * dv + 1));
  if (reached < nq) t.peak(unreached_rows(sums) * d);
  if (nk > 0) t.peak(c0 * (d + dv));
  for_each_tile_size(sums, [&](Count r, Count c) {
    t.peak(2 * c * (d + dv) + r * (2 * d + dv + 2) + backward_tile_sram(head, r, c));
  });
  return t;
}

template <Initialise kInitialise>
Traffic Flash1Form<kInitialise>::forward(const Head& head, Tiles tiles, const BlockMask& block_mask) {
  const TileSums sums = masked_tiles(head.seqlen_q, head.seqlen_kv, tiles, block_mask);
  constexpr bool kInSram = kInitialise == Initialise::in_sram;
  const Count nq = u(head.seqlen_q), nk = u(head.seqlen_kv), d = u(head.head_dim), dv = u(head.head_dim_v);
  const Count area = sums.area(), rows = sums.rows();
  // Rows that a tile starts in SRAM; the others are initialised in HBM.
  const Count started = kInSram ? sums.rows_reached() : 0;
  Traffic t;
  t.load(Hbm::K) = nk * d;
  t.load(Hbm::V) = nk * dv;
  t.load(Hbm::Q) = rows * d;
  t.load(Hbm::O) = (rows - started) * dv;
  t.load(Hbm::m) = t.load(Hbm::l) = rows - started;
  t.store(Hbm::O) = (rows + nq - started) * dv;
  t.store(Hbm::m) = t.store(Hbm::l) = rows + nq - started;
  t.flop(Flop::matmul) = 2 * area * (d + dv);
  add_scoring(t, head, sums);
  t.flop(Flop::exp) += area + 2 * rows;
  t.flop(Flop::other) += 4 * area + 7 * rows + rows * dv;
  if (head.dropout.p != 0) t.flop(Flop::other) += area;
  add_block_table(t, head, tiles.bc, [](Rows) { return Count{1}; });
  add_block_mask(t, sums, !block_mask.dense());

  const Count c0 = u(std::min(sums.full.bc, head.seqlen_kv));
  const Count initialised = kInSram ? unreached_rows(sums) : u(std::min(sums.full.br, head.seqlen_q));
  t.peak(initialised * (dv + 2));
  t.peak(c0 * (d + dv) + (!block_mask.dense() && nq > 0 && nk > 0 ? 1 : 0));
  for_each_tile_size(sums, [&](Count r, Count c) {
    t.peak(c * (d + dv) + r * (d + dv + 2) + r * c + broadcast_tile(head, r, c));
  });
  return t;
}

template <Initialise kInitialise>
Traffic Flash1Form<kInitialise>::backward(const Head& head, Tiles tiles, const BlockMask& block_mask) {
  const TileSums sums = masked_tiles(head.seqlen_q, head.seqlen_kv, tiles, block_mask);
  constexpr bool kInSram = kInitialise == Initialise::in_sram;
  const Count nq = u(head.seqlen_q), nk = u(head.seqlen_kv), d = u(head.head_dim), dv = u(head.head_dim_v);
  const Count area = sums.area(), rows = sums.rows();
  const Count started = kInSram ? sums.rows_reached() : 0;
  Traffic t;
  t.load(Hbm::K) = nk * d;
  t.load(Hbm::V) = nk * dv;
  t.load(Hbm::Q) = rows * d;
  t.load(Hbm::dO) = rows * dv;
  t.load(Hbm::m) = t.load(Hbm::l) = rows;
  t.load(Hbm::O) = (kInSram ? started : rows) * dv;  // D is computed where O is read
  t.load(Hbm::delta) = kInSram ? rows - started : 0;
  t.store(Hbm::delta) = started;
  t.load(Hbm::dQ) = (rows - started) * d;
  t.store(Hbm::dQ) = (rows + nq - started) * d;
  add_kv_gradients(t, head);
  add_backward_tiles(t, head, sums);
  t.flop(Flop::exp) += area;
  t.flop(Flop::other) += 2 * area + rows + 2 * (kInSram ? started : rows) * dv;
  add_block_mask(t, sums, !block_mask.dense());

  const Count c0 = u(std::min(sums.full.bc, head.seqlen_kv));
  t.peak((kInSram ? unreached_rows(sums) : u(std::min(sums.full.br, head.seqlen_q))) * d);
  t.peak(2 * c0 * (d + dv) + (!block_mask.dense() && nq > 0 && nk > 0 ? 1 : 0));
  for_each_tile_size(sums, [&](Count r, Count c) {
    const Count operands = 2 * c * (d + dv) + r * (2 * d + dv + 3);
    t.peak(operands + r * dv);  // O, while D is computed
    t.peak(operands + backward_tile_sram(head, r, c));
  });
  return t;
}

template struct Flash1Form<Initialise::in_sram>;
template struct Flash1Form<Initialise::in_hbm>;

}  // namespace attnlab::io
