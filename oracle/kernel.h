// A kernel under test as something to call: what the exact checks and the battery work on.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>

#include "oracle/tensor.h"

namespace attnlab::oracle {

// A tensor to write, with the same addressing as Tensor.
struct OutputTensor {
  void* data = nullptr;
  DType dtype = DType::f32;
  Index batch = 0, heads = 0, seqlen = 0, dim = 0;
  Index batch_stride = 0, head_stride = 0, row_stride = 0;
  explicit operator bool() const { return data != nullptr; }
  Tensor read() const;
};

struct Call {
  const attention::Problem& problem;
  Tensor q, k, v, dout;             // dout only in a backward call
  OutputTensor o, lse, dq, dk, dv;  // lse, dq, dk, dv: without data where not asked for
  // Backward calls bring golden o and lse rounded to their types, and ask for dq, dk, dv only.
  Tensor saved_o, saved_lse;
  bool backward() const { return static_cast<bool>(dout); }
};

// Thrown by a kernel that does not take a problem (head_dim, mask, type): the case is skipped and counted.
struct Unsupported : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Computes synchronously. Any other exception is a failure of the case, with its text.
using Kernel = std::function<void(const Call&)>;

}  // namespace attnlab::oracle
