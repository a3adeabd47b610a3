// softmax-02: geometry and row.
#pragma once

#include "cuda/host/scalar.h"

namespace attnlab::cuda {

inline constexpr Geometry kSoftmaxWarpPerRow{4, 0, 128, 0};

ATTNLAB_CUDA_LAUNCHERS(softmax_02, SoftmaxParams);

constexpr Kernel kSoftmax02[] = {{
    .name = "softmax-02",
    .title = "Softmax, one warp per row",
    .paper = "Milakov & Gimelshein 2018, Algorithm 2",
    .idea = "neighbouring lanes read neighbouring elements; shuffles",
    .limit = "one warp per row, however long",
    .pass = Pass::softmax,
    .algorithm = nullptr,
    .operands = kSoftmaxOperands,
    .needs = kScalarSoftmax,
    .launches = 1,
    .launches_narrow = 1,
    .whole_rows = true,
    .geometry = [](int, Tiles) { return kSoftmaxWarpPerRow; },
    .launchers = softmax_02,
}};

}  // namespace attnlab::cuda
