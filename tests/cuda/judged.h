// What the oracle says of a kernel's outputs: fp32 arithmetic, outputs rounded to the case's type.
#pragma once

#include "oracle/check.h"
#include "tests/cuda/backward_cases.h"

namespace attnlab::testing {

inline oracle::KernelClass class_of(const ForwardCase& spec) {
  oracle::KernelClass declared = oracle::usual_class(DType::f32);
  declared.output = float_format(spec.type);
  declared.rounds_each_head = false;
  return declared;
}

inline oracle::Verdict judged(const ForwardCase& spec, const Case& c, const KernelOutputs& got) {
  oracle::Outputs outputs;
  outputs.o = got.o.view;
  if (spec.lse) outputs.lse = got.lse.view;
  return oracle::check(c.p, {c.q.view, c.k.view, c.v.view, {}}, outputs, class_of(spec),
                       {.threads = 1, .diagnose = false});
}

inline oracle::Verdict judged(const BackwardCase& spec, const BackwardInputs& in,
                              const GradientBuffers<float>& got) {
  const Case& c = in.c;
  const oracle::Inputs inputs{c.q.view, c.k.view, c.v.view, c.dout.view};
  return oracle::check(c.p, inputs, {{}, {}, got.dq.view, got.dk.view, got.dv.view}, class_of(spec),
                       {.threads = 1, .diagnose = false});
}

}  // namespace attnlab::testing
