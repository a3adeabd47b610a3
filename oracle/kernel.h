// A kernel under test as something to call: what the exact checks and the battery work on.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>

#include "oracle/tensor.h"

namespace attnlab::oracle {

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
