// Softmax kernels on random rows, judged by the oracle (oracle/softmax_rows.h).
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "cuda/host/attention.h"
#include "oracle/softmax_rows.h"
#include "tests/cuda/forward_cases.h"

namespace attnlab::testing {

// Rows of normally distributed numbers times `spread`, rounded to the type. The first row is all -inf, the
// second has a -inf.
inline std::vector<float> softmax_rows(DType type, Index rows, Index cols, double spread) {
  Random random(23);
  std::vector<float> x(static_cast<std::size_t>(rows * cols));
  for (float& value : x) value = static_cast<float>(spread * random.normal());
  round_to(type, x);
  std::fill_n(x.begin(), cols, -INFINITY);
  x[static_cast<std::size_t>(cols)] = -INFINITY;
  return x;
}

// The largest error of a kernel's result as a fraction of its bound.
inline double softmax_fraction(cuda::Backend backend, const cuda::Kernel& kernel, DType type, Index rows,
                               Index cols, double spread = 3) {
  const auto x = softmax_rows(type, rows, cols, spread);
  std::vector<float> y(x.size(), NAN);
  cuda::softmax(backend, kernel.name, type, {x.data(), rows, cols, cols}, {y.data(), rows, cols, cols});
  return oracle::softmax_error({x.data(), rows, cols, cols}, {y.data(), rows, cols, cols}, type);
}

}  // namespace attnlab::testing
