// The closed form of standard attention: reference/attention/standard.h, pass by pass.
#pragma once

#include "simulator/io/closed_form.h"

namespace attnlab::io {

template <>
struct ClosedForm<attention::Algorithm::standard> {
  static constexpr TileRule tile_rule(Pass) { return TileRule::all_columns; }
  static Traffic forward(const attention::Head& head, attention::Tiles tiles, const attention::BlockMask&);
  static Traffic backward(const attention::Head& head, attention::Tiles tiles, const attention::BlockMask&);
};

}  // namespace attnlab::io
