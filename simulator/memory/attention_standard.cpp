// Standard attention as blocks of tiles: the passes of reference/attention/standard.h, a kernel each.
#include "simulator/memory/attention_standard.h"

#include <algorithm>

#include "simulator/memory/head_tiles.h"

namespace attnlab::memory {
namespace {

using attention::Blocks;
using attention::blocks;
using attention::ceil_div;
using attention::Problem;

// A pass over tiles of scores: what is loaded and stored. masking: heads that hide nothing are left out.
struct Pass {
  std::vector<Hbm> loaded, stored;
  bool masking = false;
};

// Row block ib.
Stream pass_block(HeadTiles at, Index ib, Tiles tiles, Pass pass) {
  if (ib >= at.row_blocks(tiles.br).last()) co_return;
  if (pass.masking && !needs_mask_pass(at.head)) co_return;
  const Rows i = at.row_blocks(tiles.br).block(ib);
  for (const Rows j : at.col_blocks(tiles.bc)) {
    for (const Hbm name : pass.loaded) co_yield at.load(name, i, j);
    for (const Hbm name : pass.stored) co_yield at.store(name, i, j);
  }
}

// c = a b^T: panel jb of b stays, a streams past.
Stream nt_block(HeadTiles at, Index jb, Tiles tiles, Hbm a, Hbm b, Hbm c) {
  if (jb >= at.col_blocks(tiles.bc).last()) co_return;
  const Rows j = at.col_blocks(tiles.bc).block(jb);
  co_yield at.load(b, j);
  for (const Rows i : at.row_blocks(tiles.br)) {
    co_yield at.load(a, i);
    co_yield at.store(c, i, j);
  }
}

// c = w b: c goes through memory from panel to panel, so the whole product is one block.
Stream nn_block(HeadTiles at, Tiles tiles, Hbm w, Hbm b, Hbm c) {
  const Blocks rows = at.row_blocks(tiles.br);
  if (at.head.seqlen_kv == 0)
    for (const Rows i : rows) co_yield at.store(c, i);
  for (const Rows j : at.col_blocks(tiles.bc)) {
    co_yield at.load(b, j);
    for (const Rows i : rows) {
      if (j.begin != 0) co_yield at.load(c, i);
      co_yield at.load(w, i, j);
      co_yield at.store(c, i);
    }
  }
}

// c (+)= w^T b of the query heads of a group, one after the other: panel jb of c stays.
Stream tn_block(const AttentionLayout& layout, Index jb, Index group, Index b, Tiles tiles, Hbm w, Hbm rhs,
                Hbm c) {
  const Index size = layout.problem().group_size();
  for (Index h = group * size; h < (group + 1) * size; ++h) {
    const HeadTiles at(layout, b, h);
    if (jb >= at.col_blocks(tiles.bc).last()) co_return;
    const Rows j = at.col_blocks(tiles.bc).block(jb);
    if (!at.head.first_of_group) co_yield at.load(c, j);
    for (const Rows i : at.row_blocks(tiles.br)) {
      co_yield at.load(w, i, j);
      co_yield at.load(rhs, i);
    }
    co_yield at.store(c, j);
  }
}

// The scores that the softmax reads: with a softcap, masking leaves the capped ones alone.
Hbm masked_scores(const attention::Head& head) {
  return head.softcap != 0 && needs_mask_pass(head) ? Hbm::P : Hbm::S;
}

// The softmax, or its derivative (from P and dP): rows that are longer than a piece are read twice.
Stream rows_block(HeadTiles at, Index ib, Tiles tiles, io::Pass direction) {
  if (ib >= at.row_blocks(tiles.br).last()) co_return;
  const bool forward = direction == io::Pass::forward;
  std::vector<Hbm> loaded{Hbm::P, Hbm::dP};
  if (forward) loaded.assign(1, masked_scores(at.head));
  const Hbm stored = forward ? Hbm::P : Hbm::dS;
  const Rows i = at.row_blocks(tiles.br).block(ib);
  const Index piece = attention::row_piece(tiles), cols = at.head.seqlen_kv;
  for (Index r = i.begin; r < i.end(); ++r) {
    if (cols > piece) {
      for (const Rows j : blocks(cols, piece))
        for (const Hbm name : loaded) co_yield at.load(name, Rows{r, 1}, j);
    }
    for (const Rows j : blocks(cols, piece)) {
      for (const Hbm name : loaded) co_yield at.load(name, Rows{r, 1}, j);
      co_yield at.store(stored, Rows{r, 1}, j);
    }
  }
  if (forward) co_yield at.store(Hbm::lse, i);
}

// Launches with this layout and these tiles.
class Builder {
 public:
  Builder(const AttentionLayout& layout, Tiles tiles)
      : layout_(layout),
        p_(layout.problem()),
        tiles_(tiles),
        rows_(ceil_div(p_.seqlen_q, tiles.br)),
        cols_(ceil_div(p_.seqlen_kv, tiles.bc)) {}

  void pass(const char* name, Pass pass) {
    add(name, rows_, p_.num_heads, [&l = layout_, t = tiles_, pass](Index x, Index y, Index z) {
      return pass_block(HeadTiles(l, z, y), x, t, pass);
    });
  }
  void nt(const char* name, Hbm a, Hbm b, Hbm c) {
    add(name, cols_, p_.num_heads, [&l = layout_, t = tiles_, a, b, c](Index x, Index y, Index z) {
      return nt_block(HeadTiles(l, z, y), x, t, a, b, c);
    });
  }
  void nn(const char* name, Hbm w, Hbm b, Hbm c) {
    add(name, 1, p_.num_heads, [&l = layout_, t = tiles_, w, b, c](Index, Index y, Index z) {
      return nn_block(HeadTiles(l, z, y), t, w, b, c);
    });
  }
  void tn(const char* name, Hbm w, Hbm b, Hbm c) {
    add(name, cols_, p_.num_kv_heads, [&l = layout_, t = tiles_, w, b, c](Index x, Index y, Index z) {
      return tn_block(l, x, y, z, t, w, b, c);
    });
  }
  void rows(const char* name, io::Pass direction) {
    add(name, rows_, p_.num_heads, [&l = layout_, t = tiles_, direction](Index x, Index y, Index z) {
      return rows_block(HeadTiles(l, z, y), x, t, direction);
    });
  }
  std::vector<Launch> take() { return std::move(launches_); }

 private:
  template <class Block>
  void add(const char* name, Index x, Index y, Block block) {
    launches_.push_back({name, x, y, p_.batch, block});
  }

  const AttentionLayout& layout_;
  const Problem& p_;
  Tiles tiles_;
  Index rows_, cols_;
  std::vector<Launch> launches_;
};

// Whether some head of some sequence has a masking pass.
bool masks(const Problem& p) {
  const bool sequences_alike = p.kv_lens.empty() && p.q_lens.empty() && !p.packed();
  const Index sequences = sequences_alike && p.alibi_slopes.empty() ? std::min<Index>(1, p.batch) : p.batch;
  const Index heads = p.alibi_slopes.empty() ? std::min<Index>(1, p.num_heads) : p.num_heads;
  for (Index b = 0; b < sequences; ++b) {
    for (Index h = 0; h < heads; ++h)
      if (needs_mask_pass(attention::head_of(p, b, h))) return true;
  }
  return false;
}

}  // namespace

std::vector<std::uint32_t> LaunchStream<attention::Algorithm::standard>::tensors(io::Pass pass,
                                                                                 const Problem& p, bool) {
  std::vector<Hbm> all{Hbm::S, Hbm::P};
  if (p.dropout.p != 0) all.insert(all.end(), {Hbm::P_dropped, Hbm::dropout_mask});
  if (pass == io::Pass::forward) {
    all.insert(all.end(), {Hbm::O, Hbm::lse});
  } else {
    all.insert(all.end(), {Hbm::dP, Hbm::dS});
  }
  std::vector<std::uint32_t> places;
  for (const Hbm name : all) places.push_back(tensor(name));
  return places;
}

std::vector<Launch> LaunchStream<attention::Algorithm::standard>::launches(io::Pass pass,
                                                                           const AttentionLayout& layout,
                                                                           Tiles tiles) {
  const Problem& p = layout.problem();
  const bool dropout = p.dropout.p != 0, softcap = p.softcap != 0;
  const Hbm weights = dropout ? Hbm::P_dropped : Hbm::P;
  Builder kernels(layout, tiles);
  if (pass == io::Pass::forward) {
    kernels.nt("S = Q K^T", Hbm::Q, Hbm::K, Hbm::S);
    if (softcap) kernels.pass("softcap", {{Hbm::S}, {Hbm::S}});
    if (masks(p)) kernels.pass("mask", {{Hbm::S}, {softcap ? Hbm::P : Hbm::S}, true});
    kernels.rows("softmax", pass);
    if (dropout) kernels.pass("dropout", {{Hbm::P}, {Hbm::dropout_mask, Hbm::P_dropped}});
    kernels.nn("O = P V", weights, Hbm::V, Hbm::O);
  } else {
    kernels.tn("dV = P^T dO", weights, Hbm::dO, Hbm::dV);
    kernels.nt("dP = dO V^T", Hbm::dO, Hbm::V, Hbm::dP);
    if (dropout) kernels.pass("dropout", {{Hbm::dP, Hbm::dropout_mask}, {Hbm::dP}});
    kernels.rows("dS = softmax'", pass);
    if (softcap) kernels.pass("softcap", {{Hbm::dS, Hbm::S}, {Hbm::dS}});
    kernels.nn("dQ = dS K", Hbm::dS, Hbm::K, Hbm::dQ);
    kernels.tn("dK = dS^T Q", Hbm::dS, Hbm::Q, Hbm::dK);
  }
  return kernels.take();
}

}  // namespace attnlab::memory
