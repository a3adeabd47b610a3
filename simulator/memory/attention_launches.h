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

// An algorithm's kernels, specialised beside their blocks (attention_flash.h). Not every algorithm has one: a
// block-sparse mask's tiles do not follow from the problem alone.
//   // Tensors (tensor_name) beside Q, K, V and, backward, dO, dQ, dK, dV. fp32: whether dQ has that type.
//   static std::vector<std::uint32_t> tensors(io::Pass, const attention::Problem&, bool fp32);
//   static std::vector<Launch> launches(io::Pass, const AttentionLayout&, attention::Tiles);
template <attention::Algorithm>
struct LaunchStream;

bool has_launches(attention::Algorithm algorithm);

// Where the tensors of a pass lie. Throws InvalidArgument for an algorithm without a launch stream, a mask or
// a bias in memory, tensors beyond the layout's reach, and for a type that is no floating-point type.
AttentionLayout layout_of(attention::Algorithm algorithm, io::Pass pass, const attention::Problem& problem,
                          const io::ElementSizes& sizes);

// In order. The layout must outlive them.
std::vector<Launch> launches_of(attention::Algorithm algorithm, io::Pass pass, const AttentionLayout& layout,
                                attention::Tiles tiles);

}  // namespace attnlab::memory
