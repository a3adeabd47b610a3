// FlashAttention-1's and -2's kernels (attention_launches.h says how they are spread over blocks).
#pragma once

#include "reference/attention/flash1.h"
#include "simulator/memory/attention_launches.h"

namespace attnlab::memory {

// fp32: whether dQ has that type and is summed in its own place.
std::vector<Launch> flash2_launches(io::Pass pass, const AttentionLayout& layout, attention::Tiles tiles,
                                    bool fp32);
std::vector<Launch> flash1_launches(io::Pass pass, const AttentionLayout& layout, attention::Tiles tiles,
                                    attention::Initialise initialise);

}  // namespace attnlab::memory
