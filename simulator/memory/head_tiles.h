// The tiles of one query head as accesses to memory: the words that the blocks' texts are written in.
#pragma once

#include "reference/attention/tiles.h"
#include "simulator/memory/attention_layout.h"

namespace attnlab::memory {

using Tiles = attention::Tiles;
using Stream = Generator<TileAccess>;

struct HeadTiles {
  HeadTiles(const AttentionLayout& memory, Index sequence, Index query_head)
      : layout(&memory), b(sequence), h(query_head), head(attention::head_of(memory.problem(), b, h)) {}

  // Rows of a matrix, or of some columns of it.
  template <class... Part>
  TileAccess load(Hbm name, Part... part) const {
    return layout->tile(RequestKind::load, tensor(name), b, h, part...);
  }
  template <class... Part>
  TileAccess store(Hbm name, Part... part) const {
    return layout->tile(RequestKind::store, tensor(name), b, h, part...);
  }

  attention::Blocks row_blocks(Index br) const { return attention::blocks(head.seqlen_q, br); }
  attention::Blocks col_blocks(Index bc) const { return attention::blocks(head.seqlen_kv, bc); }

  const AttentionLayout* layout;
  Index b, h;
  attention::Head head;
};

}  // namespace attnlab::memory
