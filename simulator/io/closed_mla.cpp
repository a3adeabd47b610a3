#include "simulator/io/closed_mla.h"

#include <algorithm>

#include "simulator/io/closed_flash.h"
#include "simulator/io/closed_steps.h"

namespace attnlab::io {

using heads::MlaShape;
using heads::MlaTiles;

Traffic mla_naive_traffic(const MlaShape& shape, MlaTiles tiles) {
  const Count n = u(shape.seqlen_kv), c = u(std::min(tiles.bc, shape.seqlen_kv));
  const Count d = u(shape.head_dim), dr = u(shape.rope_dim), dv = u(shape.head_dim_v),
              dc = u(shape.kv_lora_rank);
  Traffic head;
  head.load(Hbm::W_UK) = d * dc;
  head.load(Hbm::W_UV) = dv * dc;
  head.load(Hbm::c_kv) = 2 * n * dc;
  head.load(Hbm::k_rope) = n * dr;
  head.store(Hbm::K) = n * (d + dr);
  head.store(Hbm::V) = n * dv;
  head.flop(Flop::matmul) = 2 * n * dc * (d + dv);
  head.peak(d * dc + c * (d + dr + dc + dr));
  head.peak(dv * dc + c * (dv + dc));
  const attention::Head band = shape.head();
  head += ClosedForm<attention::Algorithm::flash2>::forward(band, {tiles.br, tiles.bc}, {});
  return head.times(u(shape.num_heads));
}

Traffic mla_absorbed_traffic(const MlaShape& shape, MlaTiles tiles) {
  const Count h = u(shape.num_heads), n = u(shape.seqlen_q), r = u(std::min(tiles.br, shape.seqlen_q));
  const Count d = u(shape.head_dim), dr = u(shape.rope_dim), dv = u(shape.head_dim_v),
              dc = u(shape.kv_lora_rank);
  const Count groups = u(ceil_div(shape.num_heads, tiles.heads));
  const Count group = u(std::min(tiles.heads, shape.num_heads));
  const TileSums sums = band_tiles(shape.head(), {tiles.br, tiles.bc});
  const Count area = sums.area(), rows = sums.rows();

  Traffic t;
  t.load(Hbm::W_UK) = h * d * dc;
  t.load(Hbm::W_UV) = h * dv * dc;
  t.load(Hbm::Q) = h * n * (d + dr);
  t.store(Hbm::q_latent) = t.load(Hbm::q_latent) = h * n * dc;
  t.store(Hbm::o_latent) = t.load(Hbm::o_latent) = h * n * dc;
  t.load(Hbm::c_kv) = groups * sums.cols() * dc;
  t.load(Hbm::k_rope) = groups * sums.cols() * dr;
  t.store(Hbm::O) = h * n * dv;
  t.store(Hbm::lse) = h * n;
  t.flop(Flop::matmul) = h * (2 * n * dc * (d + dv) + 2 * area * (2 * dc + dr));
  t.flop(Flop::exp) = h * (area + rows + n);
  t.flop(Flop::other) = h * (4 * area + 2 * rows + rows * dc + n * dc + n);

  const auto held = [&](Count row_count) { return group * row_count * (2 * dc + dr + 2); };
  t.peak(d * dc + r * (d + dc));
  t.peak(held(r));
  for_each_tile_size(sums, [&](Count row_count, Count cols) {
    t.peak(held(row_count) + cols * (dc + dr) + row_count * cols);
  });
  t.peak(dv * dc + r * (dv + dc));
  return t;
}

}  // namespace attnlab::io
