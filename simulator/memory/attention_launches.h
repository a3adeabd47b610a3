// The kernels of an attention algorithm as grids of blocks, each block the stream of its tiles.
//
// The texts are those of reference/attention, spread over blocks as their kernels spread them:
//   flash2    forward: one block per row block of a query head. Backward: delta by row blocks; then one block
//             per column block of a KV head, which walks over the row blocks of its query heads, keeps
//             dK and dV and adds to dQ by fp32 reductions; then dQ is rounded to its type, where that is not
//             fp32
//   flash1    forward: one block per query head; backward: one block per KV head. The paper's loops, all
//             through memory
//   standard  one kernel per pass over the scores, one block per tile of the operand that stays; products
//             whose sum goes through memory from panel to panel take one block per head
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "reference/attention/attention.h"
#include "simulator/io/account.h"
#include "simulator/memory/attention_layout.h"

namespace attnlab::memory {

struct Launch {
  std::string name;
  Index x = 1, y = 1, z = 1;  // blocks, x running fastest
  std::function<Generator<TileAccess>(Index x, Index y, Index z)> block;
};

// Where the tensors of a pass lie. Throws InvalidArgument for Algorithm::blocksparse, a mask or a bias in
// memory, tensors beyond the layout's reach, and for a type that is no floating-point type.
AttentionLayout layout_of(attention::Algorithm algorithm, io::Pass pass, const attention::Problem& problem,
                          const io::ElementSizes& sizes);

// In order. The layout must outlive them.
std::vector<Launch> launches_of(attention::Algorithm algorithm, io::Pass pass, const AttentionLayout& layout,
                                attention::Tiles tiles);

}  // namespace attnlab::memory
