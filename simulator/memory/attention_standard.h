// Standard attention's kernels (attention_launches.h says how they are spread over blocks).
#pragma once

#include "simulator/memory/attention_launches.h"

namespace attnlab::memory {

template <>
struct LaunchStream<attention::Algorithm::standard> {
  static std::vector<std::uint32_t> tensors(io::Pass pass, const attention::Problem& problem, bool fp32);
  static std::vector<Launch> launches(io::Pass pass, const AttentionLayout& layout, attention::Tiles tiles);
};

}  // namespace attnlab::memory
