#include "answers/random_blocks.h"

#include <fmt/format.h>

#include <algorithm>

#include "reference/attention/algorithm.h"
#include "reference/core/errors.h"
#include "reference/core/philox.h"

namespace attnlab::answers {

std::string block_mask_algorithms() {
  std::string names;
  for (const attention::AlgorithmInfo& row : attention::algorithms()) {
    if (row.block_mask) names += (names.empty() ? "" : " or ") + std::string(row.name);
  }
  return names;
}

std::vector<std::uint8_t> random_blocks(Index row_blocks, Index col_blocks, double density) {
  constexpr Index kLargest = Index{1} << 30;
  if (col_blocks != 0 && row_blocks > kLargest / col_blocks) {
    throw InvalidArgument("density", fmt::format("{} x {} tiles", row_blocks, col_blocks),
                          "at most 2^30 tiles in a block mask; take larger ones with `br` and `bc`");
  }
  std::vector<std::uint8_t> blocks(static_cast<std::size_t>(std::max<Index>(1, row_blocks * col_blocks)));
  for (std::size_t n = 0; n < blocks.size(); ++n)
    blocks[n] = philox(0, n)[0] < density * 4294967296.0 ? 1 : 0;
  return blocks;
}

}  // namespace attnlab::answers
