// What a caller declares about a kernel's arithmetic.
#pragma once

#include <nanobind/nanobind.h>

#include "oracle/declaration.h"

namespace attnlab::python {

// From the keys operands, p_dtype, accumulate, scores_dtype, sums, p_scale, exp_error, min_block_kv; None is
// as usual.
oracle::Declaration declaration_of(const nanobind::dict& declared);

}  // namespace attnlab::python
