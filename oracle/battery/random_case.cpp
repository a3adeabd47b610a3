// Cases behind the plan: everything at random, tile edges more often than other lengths.
#include "oracle/battery/lengths.h"
#include "oracle/battery/plan.h"
#include "reference/core/random.h"

namespace attnlab::oracle {

Case random_case(const Schema& schema, std::uint64_t seed, const Activations* activations, Index index) {
  Random random(seed * 1000003 + static_cast<std::uint64_t>(index), 7);
  const auto maybe = [&](bool allowed) { return allowed && random.one_in(4); };
  const std::vector<Index> edges = tile_edges(schema.max_seqlen);
  const auto length = [&] {
    if (random.one_in(16)) return schema.empty ? Index{0} : Index{1};
    if (edges.empty() || random.one_in(3)) return 1 + random.below(std::min<Index>(schema.max_seqlen, 600));
    return edges[static_cast<std::size_t>(random.below(static_cast<Index>(edges.size())))];
  };
  const auto pick = [&](const auto& list) {
    return list[static_cast<std::size_t>(random.below(static_cast<Index>(list.size())))];
  };
  for (;;) {
    Case c;
    attention::Problem& p = c.problem;
    c.dtype = pick(schema.dtypes);
    c.backward = schema.backward && bits(c.dtype) != 8 && random.one_in(2);
    c.lse = schema.lse;
    c.cross = schema.cross;
    c.activations = activations;
    p.head_dim = p.head_dim_v = pick(schema.head_dims);
    p.batch = 1 + random.below(3);
    p.num_kv_heads = 1 + random.below(3);
    p.num_heads = p.num_kv_heads * (schema.gqa ? 1 + random.below(4) : 1);
    p.seqlen_q = length();
    p.seqlen_kv = schema.cross && random.one_in(2) ? length() : p.seqlen_q;
    p.causal = schema.causal && random.one_in(2);
    if (maybe(schema.dim_v)) p.head_dim_v = std::max<Index>(1, p.head_dim / 2);
    if (maybe(schema.window)) p.window = {random.below(100), random.below(100)};
    if (maybe(schema.softcap)) p.softcap = random.between(1, 40);
    if (maybe(schema.alibi)) p.alibi_slopes = alibi_slopes(p.num_heads);
    if (maybe(schema.dropout)) p.dropout = {random.between(0, 0.8), random.word(), random.word()};
    if (maybe(schema.scale)) p.softmax_scale = random.between(0.02, 1);
    if (maybe(schema.packed)) {
      p.cu_seqlens_q = sums(ragged(p.batch, p.seqlen_q, random.below(4)));
      p.cu_seqlens_kv = sums(ragged(p.batch, p.seqlen_kv, random.below(4)));
    } else if (maybe(schema.padding)) {
      p.kv_lens = ragged(p.batch, p.seqlen_kv, random.below(4));
      p.q_lens = ragged(p.batch, p.seqlen_q, random.below(4));
    }
    if (maybe(!schema.page_sizes.empty()) && !c.backward) c.page_size = pick(schema.page_sizes);
    if (schema.strides) c.layout = pick(layouts()).id;
    c.profile = &profiles()[static_cast<std::size_t>(random.below(static_cast<Index>(profiles().size())))];
    if (!schema.hidden_nan && c.profile->name == std::string("hidden-nan")) continue;
    c.seed = random.word();
    if (sensible(c)) return c;
  }
}

}  // namespace attnlab::oracle
