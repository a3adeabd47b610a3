// FlashAttention-1 and -2 as blocks of tiles: the loops of reference/attention/flash1.h and flash2.h.
#include "simulator/memory/attention_flash.h"

#include <array>

#include "simulator/memory/head_tiles.h"

namespace attnlab::memory {

using attention::Algorithm;
using attention::Blocks;
using attention::ceil_div;
using attention::Initialise;
using attention::Problem;

namespace {

// What FlashAttention-1 carries through memory, and what its backward pass reads of a row block.
constexpr std::array kState{Hbm::O, Hbm::l, Hbm::m};
constexpr std::array kSaved{Hbm::Q, Hbm::dO, Hbm::m, Hbm::l};

Stream flash2_forward(HeadTiles at, Index ib, Tiles tiles) {
  if (ib >= at.row_blocks(tiles.br).last()) co_return;  // a shorter sequence of the batch
  const Rows i = at.row_blocks(tiles.br).block(ib);
  co_yield at.load(Hbm::Q, i);
  for (const Rows j : visible_col_blocks(at.head, i, tiles.bc)) {
    co_yield at.load(Hbm::K, j);
    co_yield at.load(Hbm::V, j);
  }
  co_yield at.store(Hbm::O, i);
  co_yield at.store(Hbm::lse, i);
}

// Where the blocks of the backward pass sum dQ: dQ itself has the room when it is fp32.
std::uint32_t dq_sum(bool fp32) { return fp32 ? tensor(Hbm::dQ) : kDqSum; }

// delta, and the zeros that the reductions start from.
Stream flash2_delta(HeadTiles at, Index ib, Tiles tiles, bool fp32) {
  if (ib >= at.row_blocks(tiles.br).last()) co_return;
  const Rows i = at.row_blocks(tiles.br).block(ib);
  co_yield at.load(Hbm::O, i);
  co_yield at.load(Hbm::dO, i);
  co_yield at.store(Hbm::delta, i);
  co_yield at.layout->tile(RequestKind::store, dq_sum(fp32), at.b, at.h, i);
}

Stream flash2_backward(const AttentionLayout& layout, Index jb, Index group, Index b, Tiles tiles,
                       bool fp32) {
  const Index size = layout.problem().group_size();
  bool loaded = false;
  for (Index h = group * size; h < (group + 1) * size; ++h) {
    const HeadTiles at(layout, b, h);
    if (jb >= at.col_blocks(tiles.bc).last()) co_return;
    const Rows j = at.col_blocks(tiles.bc).block(jb);
    for (const Rows i : visible_row_blocks(at.head, j, tiles.br)) {
      if (!loaded) {
        co_yield at.load(Hbm::K, j);
        co_yield at.load(Hbm::V, j);
        loaded = true;
      }
      co_yield at.load(Hbm::Q, i);
      co_yield at.load(Hbm::dO, i);
      co_yield at.load(Hbm::delta, i);
      co_yield at.load(Hbm::lse, i);
      co_yield layout.tile(RequestKind::reduction, dq_sum(fp32), b, h, i);
    }
  }
  const HeadTiles at(layout, b, group * size);
  const Rows j = at.col_blocks(tiles.bc).block(jb);
  co_yield at.store(Hbm::dK, j);
  co_yield at.store(Hbm::dV, j);
}

Stream round_dq(HeadTiles at, Index ib, Tiles tiles) {
  if (ib >= at.row_blocks(tiles.br).last()) co_return;
  const Rows i = at.row_blocks(tiles.br).block(ib);
  co_yield at.layout->tile(RequestKind::load, kDqSum, at.b, at.h, i);
  co_yield at.store(Hbm::dQ, i);
}

Stream flash1_forward(HeadTiles at, Tiles tiles, Initialise initialise) {
  const Blocks rows = at.row_blocks(tiles.br), cols = at.col_blocks(tiles.bc);
  for (const Rows i : rows) {
    if (initialise == Initialise::in_sram && !cols.empty()) break;
    for (const Hbm name : kState) co_yield at.store(name, i);
  }
  for (Index jb = 0; jb < cols.last(); ++jb) {
    co_yield at.load(Hbm::K, cols.block(jb));
    co_yield at.load(Hbm::V, cols.block(jb));
    for (const Rows i : rows) {
      co_yield at.load(Hbm::Q, i);
      if (jb != 0 || initialise == Initialise::in_hbm)
        for (const Hbm name : kState) co_yield at.load(name, i);
      for (const Hbm name : kState) co_yield at.store(name, i);
    }
  }
}

Stream flash1_backward(const AttentionLayout& layout, Index group, Index b, Tiles tiles,
                       Initialise initialise) {
  const Index size = layout.problem().group_size();
  for (Index h = group * size; h < (group + 1) * size; ++h) {
    const HeadTiles at(layout, b, h);
    const Blocks rows = at.row_blocks(tiles.br), cols = at.col_blocks(tiles.bc);
    for (const Rows i : rows) {
      if (initialise == Initialise::in_sram && !cols.empty()) break;
      co_yield at.store(Hbm::dQ, i);
    }
    for (Index jb = 0; jb < cols.last(); ++jb) {
      const Rows j = cols.block(jb);
      co_yield at.load(Hbm::K, j);
      co_yield at.load(Hbm::V, j);
      if (!at.head.first_of_group) {
        co_yield at.load(Hbm::dK, j);
        co_yield at.load(Hbm::dV, j);
      }
      for (const Rows i : rows) {
        const bool first = initialise == Initialise::in_sram && jb == 0;
        for (const Hbm name : kSaved) co_yield at.load(name, i);
        if (!first) co_yield at.load(Hbm::dQ, i);
        if (first || initialise == Initialise::in_hbm) {
          co_yield at.load(Hbm::O, i);
          if (first) co_yield at.store(Hbm::delta, i);
        } else {
          co_yield at.load(Hbm::delta, i);
        }
        co_yield at.store(Hbm::dQ, i);
      }
      co_yield at.store(Hbm::dK, j);
      co_yield at.store(Hbm::dV, j);
    }
  }
}

}  // namespace

std::vector<std::uint32_t> LaunchStream<Algorithm::flash2>::tensors(io::Pass pass, const Problem&,
                                                                    bool fp32) {
  std::vector<std::uint32_t> all{tensor(Hbm::O), tensor(Hbm::lse)};
  if (pass == io::Pass::backward) all.push_back(tensor(Hbm::delta));
  if (pass == io::Pass::backward && !fp32) all.push_back(kDqSum);
  return all;
}

std::vector<Launch> LaunchStream<Algorithm::flash2>::launches(io::Pass pass, const AttentionLayout& layout,
                                                              Tiles tiles) {
  const Problem& p = layout.problem();
  const bool fp32 = layout.element_bytes(tensor(Hbm::dQ)) == 4;
  const Index rows = ceil_div(p.seqlen_q, tiles.br), cols = ceil_div(p.seqlen_kv, tiles.bc);
  if (pass == io::Pass::forward) {
    return {{"forward", rows, p.num_heads, p.batch, [&layout, tiles](Index x, Index y, Index z) {
               return flash2_forward(HeadTiles(layout, z, y), x, tiles);
             }}};
  }
  std::vector<Launch> launches;
  launches.push_back({"delta", rows, p.num_heads, p.batch, [&layout, tiles, fp32](Index x, Index y, Index z) {
                        return flash2_delta(HeadTiles(layout, z, y), x, tiles, fp32);
                      }});
  launches.push_back(
      {"backward", cols, p.num_kv_heads, p.batch, [&layout, tiles, fp32](Index x, Index y, Index z) {
         return flash2_backward(layout, x, y, z, tiles, fp32);
       }});
  if (!fp32) {
    launches.push_back({"round dQ", rows, p.num_heads, p.batch, [&layout, tiles](Index x, Index y, Index z) {
                          return round_dq(HeadTiles(layout, z, y), x, tiles);
                        }});
  }
  return launches;
}

template <Initialise kInitialise>
std::vector<std::uint32_t> Flash1Launches<kInitialise>::tensors(io::Pass pass, const Problem&, bool) {
  std::vector<std::uint32_t> all{tensor(Hbm::O), tensor(Hbm::m), tensor(Hbm::l)};
  if (pass == io::Pass::backward) all.push_back(tensor(Hbm::delta));
  return all;
}

template <Initialise kInitialise>
std::vector<Launch> Flash1Launches<kInitialise>::launches(io::Pass pass, const AttentionLayout& layout,
                                                          Tiles tiles) {
  const Problem& p = layout.problem();
  if (pass == io::Pass::forward) {
    return {{"forward", p.num_heads, p.batch, 1, [&layout, tiles](Index x, Index y, Index) {
               return flash1_forward(HeadTiles(layout, y, x), tiles, kInitialise);
             }}};
  }
  return {{"backward", p.num_kv_heads, p.batch, 1, [&layout, tiles](Index x, Index y, Index) {
             return flash1_backward(layout, x, y, tiles, kInitialise);
           }}};
}

template struct Flash1Launches<Initialise::in_sram>;
template struct Flash1Launches<Initialise::in_hbm>;

}  // namespace attnlab::memory
