// What a framework computes in the inputs' type, as the rules that compare with it do.
#pragma once

#include "oracle/golden.h"

namespace attnlab::oracle {

// The standard algorithm and its derivative, every intermediate tensor (S, P, O, dP, dS, a query head's dK
// and dV) and every result rounded to `type`; products and sums are exact. Extents are those of `exact`,
// whose lse it keeps. Gradients where inputs.dout is there.
Golden framework(const attention::Problem& problem, const Inputs& inputs, DType type, const Golden& exact,
                 int threads);

}  // namespace attnlab::oracle
