#include "simulator/io/closed_decode.h"

#include "reference/attention/head.h"
#include "simulator/io/closed_steps.h"

namespace attnlab::io {
namespace {

using attention::Head;
using attention::Problem;

// One query head: its part of the group's traffic, without the cache.
Traffic query_head_traffic(const Head& head, const TileSums& sums) {
  const Count d = u(head.head_dim), dv = u(head.head_dim_v), area = sums.area(), blocks = sums.tiles();
  Traffic t;
  t.load(Hbm::Q) = d;
  t.store(Hbm::O) = dv;
  t.store(Hbm::lse) = 1;
  t.flop(Flop::matmul) = 2 * area * (d + dv);
  add_scoring(t, head, sums);
  t.flop(Flop::exp) += area + blocks + 1;
  t.flop(Flop::other) += 3 * area + 2 * blocks + blocks * dv + dv + 1;
  if (head.dropout.p != 0) t.flop(Flop::other) += area;
  return t;
}

// One KV head of sequence b with its query heads.
Traffic group_traffic(const Problem& p, Index b, Index kv_head, Index bc) {
  const Index first = kv_head * p.group_size();
  const Head head = head_of(p, b, first);
  const TileSums sums = band_tiles(head, {1, bc});
  const Count g = u(p.group_size()), d = u(p.head_dim), dv = u(p.head_dim_v);
  Traffic t;
  if (p.alibi_slopes.empty()) {
    t = query_head_traffic(head, sums).times(g);
  } else {  // a slope of 0 costs nothing
    for (Index h = first; h < first + p.group_size(); ++h) t += query_head_traffic(head_of(p, b, h), sums);
  }
  t.load(Hbm::K) = (sums.cols() + 1) * d;
  t.load(Hbm::V) = (sums.cols() + 1) * dv;
  t.store(Hbm::K) = d;
  t.store(Hbm::V) = dv;
  const Rows query{0, 1};
  add_block_table(t, head, bc, [&](Rows j) {
    return Count{head.band(query, j) == attention::Visibility::none ? 0u : 1u};
  });
  for_each_tile_size(sums, [&](Count, Count c) {
    t.peak(g * (d + dv + 2) + c * d + g * c + std::max(broadcast_tile(head, 1, c), c * dv));
  });
  return t;
}

Traffic sequence_traffic(const Problem& p, Index b, Index bc) {
  if (p.alibi_slopes.empty()) return group_traffic(p, b, 0, bc).times(u(p.num_kv_heads));
  Traffic sum;
  for (Index kv_head = 0; kv_head < p.num_kv_heads; ++kv_head) sum += group_traffic(p, b, kv_head, bc);
  return sum;
}

}  // namespace

Traffic decode_traffic(const Problem& p, Index bc) {
  if (p.alibi_slopes.empty() && p.kv_lens.empty() && !p.packed()) {
    return sequence_traffic(p, 0, bc).times(u(p.batch));
  }
  Traffic sum;
  for (Index b = 0; b < p.batch; ++b) sum += sequence_traffic(p, b, bc);
  return sum;
}

}  // namespace attnlab::io
