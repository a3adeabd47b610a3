// The decode step: one new token of a sequence attends to its KV cache.
//
// A step is a problem with one query. Its query sits at the last key, so that window, ALiBi, softcap, sinks,
// bias and mask mean what they mean in the last row of the full causal problem, and the result is that row.
//
// Per KV head, the rows of a tile are not queries but heads: the num_heads / num_kv_heads query heads that
// share the cache stand together in SRAM while each block of it is loaded once. This is all that multi-query
// (Shazeer 2019, section 3) and grouped-query attention (Ainslie et al. 2023) save, and a step that ran its
// heads one by one would not.
#pragma once

#include <span>
#include <vector>

#include "reference/attention/flash2.h"
#include "reference/core/algorithm_row.h"
#include "reference/kv/cache.h"
#include "reference/kv/paged_memory.h"

namespace attnlab::kv {

inline constexpr AlgorithmRow kDecodeRow{.name = "decode",
                                         .title = "Decode step on a KV cache, a group of heads at a time",
                                         .paper = "Shazeer 2019, section 3; Ainslie et al. 2023"};

// One token's projections.
template <class T>
struct NewToken {
  MatrixView<const T> q;  // [num_heads, head_dim]
  MatrixView<const T> k;  // [num_kv_heads, head_dim]
  MatrixView<const T> v;  // [num_kv_heads, head_dim_v]
};

template <class T>
struct TokenOutputs {
  MatrixView<T> o;    // [num_heads, head_dim_v]
  MatrixView<T> lse;  // [num_heads, 1]
};

struct DecodeOptions {
  Index bc = 0;     // cached tokens per block; 0: a size that suits the CPU
  int threads = 0;  // over KV heads; 0: one a core
};

// Appends the token to the cache and attends to all of it, the token included.
//
// problem: of this very step, batch 1, seqlen_q 1, seqlen_kv = cache.length() + 1, no packing and no lengths.
// Throws InvalidArgument when anything does not fit, CacheFull when the cache is full; the cache and the
// outputs are then unchanged.
template <class T>
void decode(const attention::Problem& problem, Cache<T>& cache, const NewToken<T>& token,
            const TokenOutputs<T>& out, const DecodeOptions& options = {});

// The same in a paged cache: slot is CacheManager::append's answer, table the sequence's after it. Throws
// InvalidArgument also for a table that does not lead to every token.
template <class T>
void decode(const attention::Problem& problem, PagedMemory<T>& cache, std::span<const BlockId> table,
            const Slot& slot, const NewToken<T>& token, const TokenOutputs<T>& out,
            const DecodeOptions& options = {});

// Row r of a tile as a tile of its own, which occupies nothing more.
template <class T>
Tile<T> row_of(const Tile<T>& tile, Index r) {
  return {tile.view().middle({r, 1}), nullptr};
}

// One head's row of every tile that a group holds.
template <class T>
struct HeadRow {
  Tile<const T> q;
  Tile<T> m, l, o;
};

// FlashAttention-2 with heads for rows: heads[r] describes row r of in.q, out.o and out.lse, and a problem of
// one query.
template <class Memory, class T>
void decode_group(Memory& memory, std::span<const attention::Head> heads, const attention::Inputs<T>& in,
                  const attention::Outputs<T>& out, Index bc) {
  const Rows query{0, 1};
  const Index g = in.q.rows;
  const auto q = memory.load(Hbm::Q, in.q);
  auto m = memory.template tile<T>("m", g, 1), l = memory.template tile<T>("l", g, 1);
  auto o = memory.tile_for("O", out.o);
  std::vector<HeadRow<T>> rows;
  rows.reserve(heads.size());
  for (const attention::Head& head : heads) {
    const auto r = static_cast<Index>(rows.size());
    rows.push_back({row_of(q, r), row_of(m, r), row_of(l, r), row_of(o, r)});
    attention::begin_softmax(head, rows.back().m, rows.back().l, rows.back().o);
  }
  // The band is a matter of positions, the same for every head.
  for (const Rows j : attention::visible_col_blocks(heads.front(), query, bc)) {
    const auto k = memory.load(Hbm::K, in.k.middle(j));
    auto s = memory.template tile<T>("S", g, j.size);
    for (std::size_t r = 0; r < rows.size(); ++r) {
      auto s_row = row_of(s, static_cast<Index>(r));
      attention::scores(memory, heads[r], rows[r].q, k, query, j, s_row);
    }
    const auto v = memory.load(Hbm::V, in.v.middle(j));
    for (std::size_t r = 0; r < rows.size(); ++r) {
      auto s_row = row_of(s, static_cast<Index>(r));
      attention::absorb(memory, heads[r], query, j, s_row, v, rows[r].m, rows[r].l, rows[r].o);
    }
  }
  attention::finish_softmax(memory, m, l, o);
  memory.store(Hbm::O, out.o, o);
  memory.store(Hbm::lse, out.lse, l);
}

// Moves a new row from where the projection left it to its place in the cache.
template <class Memory, class T>
void store_row(Memory& memory, Hbm tensor, MatrixView<const T> row, MatrixView<T> place) {
  memory.undefined(tensor, place);
  auto tile = memory.tile_for(kHbmNames[static_cast<std::size_t>(tensor)], place);
  memory.load_into(tensor, row, tile);
  memory.store(tensor, place, tile);
}

// The step of one KV head and its group, with room in the cache for the token.
template <class Memory, class T>
void decode_kv_head(Memory& memory, const attention::Problem& problem, Index kv_head,
                    const CachedRows<T>& cached, const NewToken<T>& token, const TokenOutputs<T>& out,
                    Index bc) {
  store_row<Memory, T>(memory, Hbm::K, token.k.middle({kv_head, 1}), cached.new_k);
  store_row<Memory, T>(memory, Hbm::V, token.v.middle({kv_head, 1}), cached.new_v);
  const Rows group{kv_head * problem.group_size(), problem.group_size()};
  std::vector<attention::Head> heads;
  for (Index h = group.begin; h < group.end(); ++h) heads.push_back(attention::head_of(problem, 0, h));
  decode_group<Memory, T>(memory, heads, {token.q.middle(group), cached.k, cached.v},
                          {out.o.middle(group), {}, {}, out.lse.middle(group)}, bc);
}

}  // namespace attnlab::kv
