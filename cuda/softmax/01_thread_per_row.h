// softmax-01: geometry and row.
#pragma once

#include "cuda/host/scalar.h"

namespace attnlab::cuda {

inline constexpr Geometry kSoftmaxThreadPerRow{128, 0, 128, 0};

ATTNLAB_CUDA_LAUNCHERS(softmax_01, SoftmaxParams);

constexpr Kernel kSoftmax01[] = {{
    .name = "softmax-01",
    .title = "Softmax, one thread per row",
    .paper = "Milakov & Gimelshein 2018, Algorithm 2",
    .idea = "the formula, row by row",
    .limit = "32 sectors per request; few rows, few threads",
    .pass = Pass::softmax,
    .algorithm = nullptr,
    .operands = kSoftmaxOperands,
    .needs = kScalarSoftmax,
    .launches = 1,
    .launches_narrow = 1,
    .whole_rows = true,
    .geometry = [](int, Tiles) { return kSoftmaxThreadPerRow; },
    .launchers = softmax_01,
}};

}  // namespace attnlab::cuda
