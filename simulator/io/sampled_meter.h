// The metered machine on random data, for problems described by their sizes alone: the whole problem if a
// budget of work allows, else one group of heads, scaled where all groups move the same bytes.
#pragma once

#include <optional>
#include <vector>

#include "reference/attention/attention.h"
#include "simulator/io/account.h"

namespace attnlab::io {

struct MeteredSample {
  Traffic traffic;  // of the whole problem
  Index heads_run = 0;
  Index heads = 0;  // of the whole problem; more than heads_run: traffic is scaled
};

// Work that a sample may take.
struct Budget {
  double flops = 4e10;  // about a second on a core
  double bytes = 2e9;   // of tensors and of standard attention's matrices
};

// Nothing when not even the smallest representative part fits the budget. Throws SramOverflow when the tiles
// do not fit.
std::optional<MeteredSample> sample_traffic(attention::Algorithm algorithm, Pass pass,
                                            const attention::Problem& problem, attention::Tiles tiles,
                                            const attention::BlockMask& block_mask,
                                            std::int64_t sram_elements, const Budget& budget = {});

// Numbers in [-1, 1) to meter an algorithm on, always the same for the same stream.
std::vector<float> random_values(Index count, std::uint32_t stream);

}  // namespace attnlab::io
