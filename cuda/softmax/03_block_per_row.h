// softmax-03: geometry and row.
#pragma once

#include "cuda/host/scalar.h"

namespace attnlab::cuda {

inline constexpr Geometry kSoftmaxBlockPerRow{1, 0, 256, 0};

ATTNLAB_CUDA_LAUNCHERS(softmax_03, SoftmaxParams);

constexpr Kernel kSoftmax03[] = {{
    .name = "softmax-03",
    .title = "Softmax, one block per row",
    .paper = "Milakov & Gimelshein 2018, Algorithm 2",
    .idea = "8 warps share a row",
    .limit = "three passes",
    .pass = Pass::softmax,
    .algorithm = nullptr,
    .operands = kSoftmaxOperands,
    .needs = kScalarSoftmax,
    .launches = 1,
    .launches_narrow = 1,
    .whole_rows = true,
    .geometry = [](int, Tiles) { return kSoftmaxBlockPerRow; },
    .launchers = softmax_03,
}};

}  // namespace attnlab::cuda
