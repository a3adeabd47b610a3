// FlashAttention-1's and -2's kernels (attention_launches.h says how they are spread over blocks).
#pragma once

#include "reference/attention/flash1.h"
#include "simulator/memory/attention_launches.h"

namespace attnlab::memory {

// dQ is summed in its own place where it is fp32, else in kDqSum.
template <>
struct LaunchStream<attention::Algorithm::flash2> {
  static std::vector<std::uint32_t> tensors(io::Pass pass, const attention::Problem&, bool fp32);
  static std::vector<Launch> launches(io::Pass pass, const AttentionLayout& layout, attention::Tiles tiles);
};

template <attention::Initialise kInitialise>
struct Flash1Launches {
  static std::vector<std::uint32_t> tensors(io::Pass pass, const attention::Problem&, bool fp32);
  static std::vector<Launch> launches(io::Pass pass, const AttentionLayout& layout, attention::Tiles tiles);
};
template <>
struct LaunchStream<attention::Algorithm::flash1> : Flash1Launches<attention::Initialise::in_sram> {};
template <>
struct LaunchStream<attention::Algorithm::flash1_literal> : Flash1Launches<attention::Initialise::in_hbm> {};

}  // namespace attnlab::memory
