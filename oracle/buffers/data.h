// The numbers of a call before they lie in memory, and what came back from one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "oracle/tensor.h"

namespace attnlab::oracle {

// One input tensor, [batch, heads, rows, dim]: numbers that its type holds exactly.
struct Numbers {
  Numbers() = default;
  Numbers(Index batch, Index heads, Index rows, Index dim)
      : batch(batch),
        heads(heads),
        rows(rows),
        dim(dim),
        values(static_cast<std::size_t>(batch * heads * rows * dim)) {}

  std::span<double> row(Index b, Index h, Index i) {
    return std::span(values).subspan(offset(b, h, i), static_cast<std::size_t>(dim));
  }
  std::span<const double> row(Index b, Index h, Index i) const {
    return std::span(values).subspan(offset(b, h, i), static_cast<std::size_t>(dim));
  }
  explicit operator bool() const { return dim != 0; }

  Index batch = 0, heads = 0, rows = 0, dim = 0;
  std::vector<double> values;
  std::vector<float> scale;  // FP8: a descale factor a (batch, head); empty: 1

 private:
  std::size_t offset(Index b, Index h, Index i) const {
    return static_cast<std::size_t>(((b * heads + h) * rows + i) * dim);
  }
};

// All inputs of a call. dout, o and lse (of an earlier forward pass) only in a backward one.
struct Data {
  DType dtype = DType::f32;
  Numbers q, k, v, dout, o, lse;
};
// Tensors of the problem's extents, all zeros; dout only where asked for.
Data zeros(const attention::Problem& problem, DType dtype, bool backward);

// What a kernel of these inputs writes: O and the gradients in the inputs' type (FP8: bf16), lse in fp32
// (fp64 inputs: fp64).
DType output_type(DType inputs);
DType lse_type(DType inputs);

// One output as it was written, contiguous [batch, heads, rows, dim].
struct Result {
  DType dtype = DType::f32;
  Index batch = 0, heads = 0, rows = 0, dim = 0;
  std::vector<std::byte> bytes;

  Tensor tensor() const;  // a view; this object must outlive it
  std::vector<double> row(Index b, Index h, Index i) const;
  explicit operator bool() const { return dim != 0; }
};

struct Results {
  Result o, lse, dq, dk, dv;
  Outputs outputs() const;  // views
};

// Names and members of the five, for who goes over all of them.
struct ResultMember {
  const char* name;
  Result Results::*member;
};
std::span<const ResultMember> result_members();

// Whether one row of two results holds the same bits; any NaN equals any other.
bool same_row(const Result& a, const Result& b, Index batch, Index head, Index row);

}  // namespace attnlab::oracle
