// Golden values: attention in float64 from the exact inputs as stored, streaming over tiles of keys. Memory
// is O(rows), never seqlen_q * seqlen_kv.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "oracle/tensor.h"

namespace attnlab::oracle {

// Which rows of Q are looked at. A sample of n rows per head always holds the first and last rows of each
// sequence and the rows on both sides of every multiple of 16..256 that fits, and fills up with random ones.
struct RowChoice {
  Index sample = 0;  // rows per head; 0: all
  std::uint64_t seed = 0;

  bool all() const { return sample == 0; }
  // "all" or "sample:512". Throws InvalidArgument("rows", ...).
  static RowChoice parse(const std::string& text);
};
// The rows chosen of one head, ascending.
std::vector<Index> chosen_rows(const RowChoice& choice, Index seqlen_q, std::uint64_t head);

// [batch, heads, rows, dim], contiguous, in float64.
struct GoldenTensor {
  std::vector<double> values;
  Index batch = 0, heads = 0, rows = 0, dim = 0;
  Tensor tensor() const;  // a view; this object must outlive it
};

struct Golden {
  GoldenTensor o, lse;      // extents of the problem's tensors; rows in padding: 0 and -inf
  GoldenTensor max;         // as lse: a row's largest logit, the sink included; -inf in an empty row
  GoldenTensor dq, dk, dv;  // empty without dout
  // What each query head adds to dk and dv, [batch, num_heads, rows, dim]; from a GoldenSource only.
  GoldenTensor dk_parts, dv_parts;
  std::string computed_by = "cpu";
};

// Golden values from elsewhere, such as a GPU (cuda/golden/golden.h): what golden() below gives, or nothing
// where it does not take the problem.
using GoldenSource = std::function<std::optional<Golden>(const attention::Problem&, const Inputs&)>;

// Whether there is a dO. One without rows has no data, and dK = dV = 0.
inline bool has_gradients(const Inputs& inputs) { return inputs.dout || inputs.dout.dim != 0; }

// Every row, forward and, where inputs.dout is there, backward. threads 0: one a core. Throws InvalidArgument
// where tensors do not fit the problem.
Golden golden(const attention::Problem& problem, const Inputs& inputs, int threads = 0);

}  // namespace attnlab::oracle
