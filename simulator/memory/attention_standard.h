// Standard attention's kernels (attention_launches.h says how they are spread over blocks).
#pragma once

#include "simulator/memory/attention_launches.h"

namespace attnlab::memory {

std::vector<Launch> standard_launches(io::Pass pass, const AttentionLayout& layout, attention::Tiles tiles);

}  // namespace attnlab::memory
