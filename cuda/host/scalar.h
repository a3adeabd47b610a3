// What the kernels with scalar arithmetic take, all rungs of softmax, forward and backward so far: elements
// become fp32 when they are loaded, so the type and the options cost a kernel nothing.
#pragma once

#include "cuda/host/kernel.h"

namespace attnlab::cuda {

inline constexpr DType kScalarTypes[] = {DType::f32, DType::f16, DType::bf16};
inline constexpr int kScalarHeadDims[] = {32, 64, 80, 96, 128, 256};

inline constexpr Requires kScalarSoftmax{.dtypes = kScalarTypes};
inline constexpr Requires kScalarAttention{
    .dtypes = kScalarTypes,
    .head_dims = kScalarHeadDims,
    .options = Option::causal | Option::window | Option::softcap | Option::alibi | Option::dropout |
               Option::grouped_heads | Option::padded | Option::packed};

}  // namespace attnlab::cuda
