// Random block masks for block-sparse attention.
#pragma once

#include <cstdint>
#include <vector>

#include "reference/core/view.h"

namespace attnlab::answers {

// [row_blocks, col_blocks]: each tile exists (1) with probability `density`, always the same ones for the
// same sizes. Throws InvalidArgument beyond 2^30 tiles.
std::vector<std::uint8_t> random_blocks(Index row_blocks, Index col_blocks, double density);

}  // namespace attnlab::answers
