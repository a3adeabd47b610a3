// Closed forms of FlashAttention-1, dense or block-sparse, and of FlashAttention-2.
#pragma once

#include "reference/attention/flash1.h"
#include "simulator/io/closed_form.h"

namespace attnlab::io {

template <>
struct ClosedForm<attention::Algorithm::flash2> {
  static constexpr TileRule tile_rule(Pass pass) {
    return pass == Pass::forward ? TileRule::rows : TileRule::columns;
  }
  static Traffic forward(const attention::Head& head, attention::Tiles tiles, const attention::BlockMask&);
  static Traffic backward(const attention::Head& head, attention::Tiles tiles, const attention::BlockMask&);
};

template <attention::Initialise kInitialise>
struct Flash1Form {
  static constexpr TileRule tile_rule(Pass) { return TileRule::columns; }
  static Traffic forward(const attention::Head& head, attention::Tiles tiles,
                         const attention::BlockMask& block_mask);
  static Traffic backward(const attention::Head& head, attention::Tiles tiles,
                          const attention::BlockMask& block_mask);
};
template <>
struct ClosedForm<attention::Algorithm::flash1> : Flash1Form<attention::Initialise::in_sram> {};
template <>
struct ClosedForm<attention::Algorithm::flash1_literal> : Flash1Form<attention::Initialise::in_hbm> {};
template <>
struct ClosedForm<attention::Algorithm::blocksparse> : Flash1Form<attention::Initialise::in_sram> {};

}  // namespace attnlab::io
