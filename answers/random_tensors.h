// Tensors that own their memory, and random ones, for commands that make their own inputs.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "reference/attention/attention.h"
#include "reference/core/dtype.h"
#include "reference/core/random.h"

namespace attnlab::answers {

// Contiguous [batch, heads, seqlen, dim].
template <class T>
struct OwnedTensor {
  OwnedTensor() = default;
  OwnedTensor(Index batch, Index heads, Index seqlen, Index dim)
      : values(static_cast<std::size_t>(batch * heads * seqlen * dim)),
        batch(batch),
        heads(heads),
        seqlen(seqlen),
        dim(dim) {}
  TensorView<T> view() { return bhsd(values.data(), batch, heads, seqlen, dim); }
  TensorView<const T> view() const { return bhsd(values.data(), batch, heads, seqlen, dim); }
  template <class U>
  OwnedTensor<U> as() const {
    OwnedTensor<U> other(batch, heads, seqlen, dim);
    for (std::size_t n = 0; n < values.size(); ++n) other.values[n] = static_cast<U>(values[n]);
    return other;
  }

  std::vector<T> values;
  Index batch = 0, heads = 0, seqlen = 0, dim = 0;
};

// N(0, 1) rounded to the type, reproducible from (seed, stream) on any machine with the same
// libm.
inline OwnedTensor<float> random_normal(Index batch, Index heads, Index seqlen, Index dim, DType dtype,
                                        std::uint64_t seed, std::uint32_t stream) {
  OwnedTensor<float> tensor(batch, heads, seqlen, dim);
  for (std::size_t n = 0; n < tensor.values.size(); n += 2) {
    const Philox4x32 words = philox(seed, n, stream);
    const NormalPair pair = normal_pair(words[0], words[1]);
    tensor.values[n] = static_cast<float>(pair.first);
    if (n + 1 < tensor.values.size()) tensor.values[n + 1] = static_cast<float>(pair.second);
  }
  round_to(dtype, std::span<float>(tensor.values));
  return tensor;
}

// max |a - b|; NaN anywhere gives infinity.
template <class T>
double worst_difference(const std::vector<T>& a, const std::vector<double>& b) {
  double worst = 0;
  for (std::size_t n = 0; n < a.size(); ++n) {
    const double difference = std::abs(static_cast<double>(a[n]) - b[n]);
    if (!(difference <= worst)) worst = std::isnan(difference) ? INFINITY : difference;
  }
  return worst;
}

}  // namespace attnlab::answers
