// A problem in words.
#pragma once

#include <string>

#include "reference/attention/problem.h"
#include "reference/core/dtype.h"

namespace attnlab::cli {

// "batch 2, 12 heads (4 of K and V), 201 queries x 201 keys, head_dim 64, fp16"
std::string describe_sizes(const attention::Problem& problem, DType dtype);

// "causal, window 128 to the left, kv_lens 201, 22"; empty without any of it.
std::string describe_masks(const attention::Problem& problem);

}  // namespace attnlab::cli
