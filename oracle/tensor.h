// The tensors of a problem as the oracle takes them: what a kernel was given and what it wrote.
#pragma once

#include "reference/attention/problem.h"
#include "reference/core/tensor.h"

namespace attnlab::oracle {

using attnlab::bhsd;
using attnlab::bshd;
using attnlab::OutputTensor;
using attnlab::Tensor;

// What a kernel is given and what it wrote. Tensors without data are not there: lse may be absent, and the
// backward ones come together (dout with any of dq, dk, dv).
struct Inputs {
  Tensor q, k, v, dout;
};
struct Outputs {
  Tensor o, lse, dq, dk, dv;
  bool backward() const { return dq || dk || dv; }
};

// Throws InvalidArgument naming the first tensor whose shape, type or page table does not fit the problem.
void require_fit(const attention::Problem& problem, const Inputs& inputs, const Outputs& outputs);

}  // namespace attnlab::oracle
