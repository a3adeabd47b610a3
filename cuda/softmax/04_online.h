// softmax-04: geometry and row.
#pragma once

#include "cuda/host/scalar.h"

namespace attnlab::cuda {

inline constexpr Geometry kSoftmaxOnline{1, 0, 256, 0};

ATTNLAB_CUDA_LAUNCHERS(softmax_04, SoftmaxParams);

constexpr Kernel kSoftmax04[] = {{
    .name = "softmax-04",
    .title = "Softmax, online",
    .paper = "Milakov & Gimelshein 2018, Algorithm 3",
    .idea = "maximum and sum in one pass",
    .limit = "a second pass: the result needs the sum",
    .pass = Pass::softmax,
    .algorithm = nullptr,
    .operands = kSoftmaxOperands,
    .needs = kScalarSoftmax,
    .launches = 1,
    .launches_narrow = 1,
    .whole_rows = true,
    .geometry = [](int, Tiles) { return kSoftmaxOnline; },
    .launchers = softmax_04,
}};

}  // namespace attnlab::cuda
