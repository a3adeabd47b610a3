// The closed form of memory-efficient attention: every chunk of keys once per chunk of queries, and a summary
// (m, l, o) per pair of chunks.
#pragma once

#include "simulator/io/closed_form.h"
#include "simulator/io/closed_steps.h"

namespace attnlab::io {

template <>
struct ClosedForm<attention::Algorithm::memory_efficient> {
  static constexpr TileRule tile_rule(Pass) { return TileRule::rows; }

  static Traffic forward(const attention::Head& head, attention::Tiles chunks, const attention::BlockMask&) {
    const TileSums sums = dense_tiles(head.seqlen_q, head.seqlen_kv, chunks);
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
    t.flop(Flop::exp) += area + 2 * rows + nq;
    t.flop(Flop::other) += 3 * area + rows * (4 + 3 * dv) + nq * dv + nq;
    if (head.dropout.p != 0) t.flop(Flop::other) += area;
    add_block_table(t, head, chunks.bc, [&](Rows) { return u(sums.row_blocks); });

    const auto block_sram = [&](Count r) { return r * (d + dv + 2); };
    t.peak(block_sram(u(std::min(sums.full.br, head.seqlen_q))));
    for_each_tile_size(sums, [&](Count r, Count c) {
      const Count summary = r * (dv + 2);
      t.peak(block_sram(r) + summary + c * d + r * c + std::max(broadcast_tile(head, r, c), c * dv));
    });
    return t;
  }
};

}  // namespace attnlab::io
