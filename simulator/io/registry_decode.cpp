// Decoding: one new token of every sequence attends to its KV cache.
#include <algorithm>

#include "reference/core/errors.h"
#include "reference/kv/decode.h"
#include "simulator/io/closed_decode.h"
#include "simulator/io/largest.h"
#include "simulator/io/metered.h"
#include "simulator/io/registry_entries.h"

namespace attnlab::io {
namespace {

using attention::Problem;

void check(const Entry& entry, const Question& q) {
  const Problem& p = q.problem;
  if (p.seqlen_q != *entry.seqlen_q) {
    throw InvalidArgument("seqlen_q", std::to_string(p.seqlen_q),
                          std::to_string(*entry.seqlen_q) + " with " + entry.name + ": the new token");
  }
  if (p.packed() || !p.q_lens.empty())
    throw InvalidArgument("q_lens, cu_seqlens_q", "lengths", "none with decode");
  for (Index b = 0; b < p.batch; ++b) {
    if (p.kv_rows(b).size < 1)
      throw InvalidArgument("seqlen_kv", "0", "at least 1: the new token is cached too");
  }
}

attention::Tiles tiles(const Entry&, const Question& q) {
  if (q.tiles.bc != 0) return {q.problem.group_size(), q.tiles.bc};
  const auto fits = [&](Index bc) {
    return decode_traffic(q.problem, bc).sram_peak <= static_cast<Count>(q.sram_elements);
  };
  const Index quarter =
      attention::ceil_div(q.sram_elements, 4 * std::max(q.problem.head_dim, q.problem.head_dim_v));
  const Index bc = largest(std::min(quarter, q.problem.seqlen_kv), fits);
  if (bc == 0) {
    throw SramOverflow(
        "sram", std::to_string(q.sram_elements) + " elements",
        "at least " + to_string(decode_traffic(q.problem, 1).sram_peak) + " for one cached token");
  }
  return {q.problem.group_size(), bc};
}

Traffic closed(const Entry&, const Question& q) { return decode_traffic(q.problem, q.tiles.bc); }

std::optional<MeteredSample> metered(const Entry&, const Question& q) {
  const Traffic expected = closed({}, q);
  if (static_cast<double>(expected.total_flops()) > kMostFlops) return std::nullopt;
  Traffic sum;
  for (Index b = 0; b < q.problem.batch; ++b) {
    Problem p = q.problem;
    p.batch = 1;
    p.seqlen_kv = q.problem.kv_rows(b).size;
    p.kv_lens.clear();
    const Index d = p.head_dim, dv = p.head_dim_v;
    if (static_cast<double>(p.seqlen_kv * (d + dv)) * static_cast<double>(p.num_kv_heads) > kMostElements)
      return std::nullopt;
    kv::Cache<float> cache(p.num_kv_heads, d, dv, p.seqlen_kv);
    const auto k = random_values(p.num_kv_heads * d, 1), v = random_values(p.num_kv_heads * dv, 2);
    const auto q_rows = random_values(p.num_heads * d, 3);
    const MatrixView<const float> k_view{k.data(), p.num_kv_heads, d, d},
        v_view{v.data(), p.num_kv_heads, dv, dv};
    for (Index t = 0; t + 1 < p.seqlen_kv; ++t) cache.append(k_view, v_view);
    cache.extend();
    std::vector<float> o(static_cast<std::size_t>(p.num_heads * dv)),
        lse(static_cast<std::size_t>(p.num_heads));
    Metered memory(q.sram_elements);
    for (Index h = 0; h < p.num_kv_heads; ++h) {
      kv::decode_kv_head<Metered, float>(
          memory, p, h, cache, {{q_rows.data(), p.num_heads, d, d}, k_view, v_view},
          {{o.data(), p.num_heads, dv, dv}, {lse.data(), p.num_heads, 1, 1}}, q.tiles.bc);
    }
    sum += memory.traffic();
  }
  const Index heads = q.problem.batch * q.problem.num_heads;
  return MeteredSample{sum, heads, heads};
}

}  // namespace

std::vector<Entry> decode_entries() {
  return {{.name = kv::kDecodeRow.name,
           .title = kv::kDecodeRow.title,
           .paper = kv::kDecodeRow.paper,
           .seqlen_q = 1,
           .check = check,
           .tiles = tiles,
           .closed = closed,
           .metered = metered}};
}

}  // namespace attnlab::io
