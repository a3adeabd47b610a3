// Random block masks for block-sparse attention.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reference/core/view.h"

namespace attnlab::answers {

// The algorithms that take a block mask, from their rows: "blocksparse", or more, separated by "or".
std::string block_mask_algorithms();

// [row_blocks, col_blocks]: each tile exists (1) with probability `density`, always the same ones for the
// same sizes. Throws InvalidArgument beyond 2^30 tiles.
std::vector<std::uint8_t> random_blocks(Index row_blocks, Index col_blocks, double density);

}  // namespace attnlab::answers
