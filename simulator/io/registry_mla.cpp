// Multi-head latent attention, naive and absorbed.
#include <algorithm>

#include "reference/core/errors.h"
#include "simulator/io/closed_mla.h"
#include "simulator/io/largest.h"
#include "simulator/io/metered.h"
#include "simulator/io/registry_entries.h"

namespace attnlab::io {
namespace {

using heads::MlaShape;
using heads::MlaTiles;

MlaShape shape_of(const Question& q) {
  const attention::Problem& p = q.problem;
  return {p.num_heads,    p.head_dim, q.rope_dim,  p.head_dim_v,
          q.kv_lora_rank, p.seqlen_q, p.seqlen_kv, p.causal};
}

// The absorbed form holds Br rows of as many heads as make about 64 rows.
constexpr Index kRows = 64;
MlaTiles mla_tiles(const Question& q, attention::Tiles tiles) {
  return {tiles.br, tiles.bc,
          std::clamp<Index>(kRows / std::max<Index>(1, tiles.br), 1, q.problem.num_heads)};
}

void check(const Entry& entry, const Question& q) {
  refuse_mask_options(entry, q);
  if (q.problem.num_kv_heads != q.problem.num_heads) {
    throw InvalidArgument("num_kv_heads", std::to_string(q.problem.num_kv_heads),
                          "num_heads with " + entry.name);
  }
  if (q.kv_lora_rank < 1) throw InvalidArgument("kv_lora_rank", std::to_string(q.kv_lora_rank), "at least 1");
}

template <Traffic (*kTraffic)(const MlaShape&, MlaTiles)>
attention::Tiles tiles(const Entry& entry, const Question& q) {
  const Index nk = std::max<Index>(1, q.problem.seqlen_kv), nq = std::max<Index>(1, q.problem.seqlen_q);
  for (Index br = q.tiles.br != 0 ? q.tiles.br : std::min(kRows, nq); br > 0; br /= 2) {
    const auto fits = [&](Index bc) {
      return kTraffic(shape_of(q), mla_tiles(q, {br, bc})).sram_peak <= static_cast<Count>(q.sram_elements);
    };
    const Index bc = q.tiles.bc != 0 ? (fits(q.tiles.bc) ? q.tiles.bc : 0) : largest(nk, fits);
    if (bc > 0) return {br, bc};
  }
  throw SramOverflow(
      "sram", std::to_string(q.sram_elements) + " elements",
      "at least " + to_string(kTraffic(shape_of(q), mla_tiles(q, {1, 1})).sram_peak) + " with " + entry.name);
}

template <Traffic (*kTraffic)(const MlaShape&, MlaTiles)>
Traffic closed(const Entry&, const Question& q) {
  return kTraffic(shape_of(q), mla_tiles(q, q.tiles)).times(static_cast<Count>(q.problem.batch));
}

template <bool kAbsorbed>
std::optional<MeteredSample> metered(const Entry& entry, const Question& q) {
  const MlaShape s = shape_of(q);
  const double flops =
      static_cast<double>(entry.closed(entry, q).total_flops()) / static_cast<double>(q.problem.batch);
  const Index wide = s.head_dim + s.rope_dim, rank = s.kv_lora_rank;
  const double elements = static_cast<double>(s.num_heads) * static_cast<double>(s.seqlen_q + s.seqlen_kv) *
                          static_cast<double>(wide + s.head_dim_v + 2 * rank);
  if (flops > kMostFlops || elements > kMostElements) return std::nullopt;

  const auto queries = random_values(s.num_heads * s.seqlen_q * wide, 1);
  const auto c_kv = random_values(s.seqlen_kv * rank, 2), k_rope = random_values(s.seqlen_kv * s.rope_dim, 3);
  const auto w_uk = random_values(s.num_heads * s.head_dim * rank, 4);
  const auto w_uv = random_values(s.num_heads * s.head_dim_v * rank, 5);
  const auto room = [&](Index rows, Index dim) {
    return std::vector<float>(static_cast<std::size_t>(s.num_heads * rows * dim));
  };
  auto o = room(s.seqlen_q, s.head_dim_v), lse = room(s.seqlen_q, 1);
  const heads::MlaInputs<float> in{bhsd(queries.data(), 1, s.num_heads, s.seqlen_q, wide),
                                   {c_kv.data(), s.seqlen_kv, rank, rank},
                                   {k_rope.data(), s.seqlen_kv, s.rope_dim, s.rope_dim},
                                   {w_uk.data(), s.num_heads * s.head_dim, rank, rank},
                                   {w_uv.data(), s.num_heads * s.head_dim_v, rank, rank}};
  const heads::MlaOutputs<float> out{bhsd(o.data(), 1, s.num_heads, s.seqlen_q, s.head_dim_v),
                                     bhsd(lse.data(), 1, s.num_heads, s.seqlen_q, 1)};
  const MlaTiles tiles = mla_tiles(q, q.tiles);
  Metered memory(q.sram_elements);
  if constexpr (kAbsorbed) {
    auto q_latent = room(s.seqlen_q, rank), o_latent = room(s.seqlen_q, rank);
    heads::mla_absorbed<Metered, float>(memory, s, in,
                                        {bhsd(q_latent.data(), 1, s.num_heads, s.seqlen_q, rank),
                                         bhsd(o_latent.data(), 1, s.num_heads, s.seqlen_q, rank)},
                                        out, tiles);
  } else {
    auto k = room(s.seqlen_kv, wide), v = room(s.seqlen_kv, s.head_dim_v);
    heads::mla_naive<Metered, float>(memory, s, in,
                                     {bhsd(k.data(), 1, s.num_heads, s.seqlen_kv, wide),
                                      bhsd(v.data(), 1, s.num_heads, s.seqlen_kv, s.head_dim_v)},
                                     out, tiles);
  }
  return MeteredSample{memory.traffic().times(static_cast<Count>(q.problem.batch)), s.num_heads,
                       s.num_heads * q.problem.batch};
}

template <Traffic (*kTraffic)(const MlaShape&, MlaTiles), bool kAbsorbed>
Entry entry(const AlgorithmRow& row) {
  return {.name = row.name,
          .title = row.title,
          .paper = row.paper,
          .check = check,
          .tiles = tiles<kTraffic>,
          .closed = closed<kTraffic>,
          .metered = metered<kAbsorbed>};
}

}  // namespace

std::vector<Entry> mla_entries() {
  return {entry<mla_naive_traffic, false>(heads::kMlaNaiveRow),
          entry<mla_absorbed_traffic, true>(heads::kMlaAbsorbedRow)};
}

}  // namespace attnlab::io
