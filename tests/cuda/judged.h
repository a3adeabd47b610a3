// What the oracle says of a kernel's outputs: fp32 arithmetic, outputs rounded to the case's type.
#pragma once

#include "oracle/check.h"
#include "tests/cuda/backward_cases.h"

namespace attnlab::testing {

template <class T>
oracle::Tensor oracle_tensor(const Buffer<T>& b, DType dtype) {
  oracle::Tensor t;
  t.data = b.data.data(), t.dtype = dtype;
  t.batch = b.view.batch, t.heads = b.view.heads, t.seqlen = b.view.seqlen, t.dim = b.view.dim;
  t.batch_stride = b.view.batch_stride, t.head_stride = b.view.head_stride, t.row_stride = b.view.row_stride;
  return t;
}
inline oracle::Tensor tensor_of(const Buffer<double>& b) { return oracle_tensor(b, DType::f64); }
inline oracle::Tensor tensor_of(const Buffer<float>& b) { return oracle_tensor(b, DType::f32); }

inline oracle::KernelClass class_of(const ForwardCase& spec) {
  oracle::KernelClass declared = oracle::usual_class(DType::f32);
  declared.output = float_format(spec.type);
  declared.rounds_each_head = false;
  return declared;
}

inline oracle::Verdict judged(const ForwardCase& spec, const Case& c, const KernelOutputs& got) {
  oracle::Outputs outputs;
  outputs.o = tensor_of(got.o);
  if (spec.lse) outputs.lse = tensor_of(got.lse);
  return oracle::check(c.p, {tensor_of(c.q), tensor_of(c.k), tensor_of(c.v), {}}, outputs, class_of(spec),
                       {.threads = 1, .diagnose = false});
}

inline oracle::Verdict judged(const BackwardCase& spec, const BackwardInputs& in,
                              const GradientBuffers<float>& got) {
  const Case& c = in.c;
  const oracle::Inputs inputs{tensor_of(c.q), tensor_of(c.k), tensor_of(c.v), tensor_of(c.dout)};
  return oracle::check(c.p, inputs, {{}, {}, tensor_of(got.dq), tensor_of(got.dk), tensor_of(got.dv)},
                       class_of(spec), {.threads = 1, .diagnose = false});
}

}  // namespace attnlab::testing
