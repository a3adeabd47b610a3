#include "simulator/io/account.h"

#include <algorithm>

#include "simulator/io/largest.h"

namespace attnlab::io {
namespace {

using attention::Algorithm;
using attention::BlockMask;
using attention::Head;
using attention::Problem;
using attention::Tiles;

// Whether all query heads at the same place in their group move the same bytes.
bool heads_alike(const Problem& p) {
  const bool any =
      std::any_of(p.alibi_slopes.begin(), p.alibi_slopes.end(), [](double slope) { return slope != 0; });
  const bool all =
      std::all_of(p.alibi_slopes.begin(), p.alibi_slopes.end(), [](double slope) { return slope != 0; });
  return any == all || p.alibi_slopes.empty();
}

Traffic sequence_traffic(Algorithm algorithm, Pass pass, const Problem& p, Index b, Tiles tiles,
                         const BlockMask& block_mask) {
  if (!heads_alike(p)) {
    Traffic sum;
    for (Index h = 0; h < p.num_heads; ++h)
      sum += head_traffic(algorithm, pass, head_of(p, b, h), tiles, block_mask);
    return sum;
  }
  Head head = head_of(p, b, 0);
  const auto groups = static_cast<Count>(p.num_kv_heads), others = static_cast<Count>(p.num_heads) - groups;
  if (pass == Pass::forward || others == 0) {
    return head_traffic(algorithm, pass, head, tiles, block_mask).times(static_cast<Count>(p.num_heads));
  }
  Traffic sum = head_traffic(algorithm, pass, head, tiles, block_mask).times(groups);
  head.first_of_group = false;
  return sum += head_traffic(algorithm, pass, head, tiles, block_mask).times(others);
}

// The footprint without walking a block mask or a block table: every tile, which is what a mask may contain.
Count footprint(Algorithm algorithm, Pass pass, Head head, Tiles tiles) {
  head.page_size = 0;
  return head_traffic(algorithm, pass, head, tiles).sram_peak;
}

}  // namespace

Traffic problem_traffic(Algorithm algorithm, Pass pass, const Problem& p, Tiles tiles,
                        const BlockMask& block_mask) {
  if (p.kv_lens.empty() && p.q_lens.empty() && !p.packed() && heads_alike(p)) {
    return sequence_traffic(algorithm, pass, p, 0, tiles, block_mask).times(static_cast<Count>(p.batch));
  }
  Traffic sum;
  for (Index b = 0; b < p.batch; ++b) sum += sequence_traffic(algorithm, pass, p, b, tiles, block_mask);
  return sum;
}

Tiles paper_tiles(Algorithm algorithm, Pass pass, const Head& head, std::int64_t sram_elements) {
  const Index d = std::max(head.head_dim, head.head_dim_v);
  const Index quarter = std::max<Index>(1, attention::ceil_div(sram_elements, 4 * d));
  const Index nq = std::max<Index>(1, head.seqlen_q), nk = std::max<Index>(1, head.seqlen_kv);
  const Index rows = std::min({quarter, d, nq});
  const auto fits = [&](Index br, Index bc) {
    return footprint(algorithm, pass, head, {br, bc}) <= static_cast<Count>(sram_elements);
  };
  const TileRule rule = tile_rule(algorithm, pass);
  if (rule == TileRule::all_columns) {
    const Index br = largest(rows, [&](Index size) { return fits(size, nk); });
    if (br > 0) return {br, nk};
  }
  const Index limit = rule == TileRule::all_columns ? nk : std::min(quarter, nk);
  for (Index br = rows; br > 0; br /= 2) {
    const Index bc = largest(limit, [&](Index size) { return fits(br, size); });
    if (bc >= (rule == TileRule::rows ? 1 : std::min(br, limit))) return {br, bc};
  }
  throw SramOverflow("sram", std::to_string(sram_elements) + " elements",
                     "at least " + to_string(footprint(algorithm, pass, head, {1, 1})) +
                         " for one row and column of " + info(algorithm).name + " " + name(pass) +
                         " at head_dim " + std::to_string(d));
}

}  // namespace attnlab::io
