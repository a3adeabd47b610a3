// Threads and rows a block of the softmax rungs.
#pragma once

#include "cuda/host/registry.h"

namespace attnlab::cuda {

inline constexpr Geometry kSoftmaxThreadPerRow{128, 0, 128, 0};
inline constexpr Geometry kSoftmaxWarpPerRow{4, 0, 128, 0};
inline constexpr Geometry kSoftmaxBlockPerRow{1, 0, 256, 0};
inline constexpr Geometry kSoftmaxOnline{1, 0, 256, 0};

}  // namespace attnlab::cuda
