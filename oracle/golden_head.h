// Golden attention of one head in float64: what golden() and check() are made of. Rows are given as a list,
// ascending, so that a sample of them costs what it holds.
#pragma once

#include <limits>
#include <span>
#include <vector>

#include "oracle/tensor.h"
#include "reference/attention/head.h"
#include "reference/attention/operands.h"
#include "reference/core/two_level_memory.h"

namespace attnlab::oracle {

// Keys per tile: a tile of scores of kGoldenRows rows stays in the L2 cache.
inline constexpr Index kGoldenRows = 256, kGoldenKeys = 256;

// K and V of one sequence and KV head as float64: the whole head, converted once and kept until another one
// is asked for, or tile by tile where it is too large to keep.
class KeyValues {
 public:
  // The head is kept where it has at most `keep` bytes.
  explicit KeyValues(std::size_t keep) : keep_(keep) {}
  void select(const attention::Problem& problem, const Inputs& inputs, Index b, Index kv_head);
  // Keys [j.begin, j.end) of the sequence. Valid until the next call.
  MatrixView<const double> k(Rows j);
  MatrixView<const double> v(Rows j);
  Index size() const { return size_; }
  // Keeps the whole head, whatever its size: for algorithms that come back to every key.
  void keep_whole() { keep_ = std::numeric_limits<std::size_t>::max(); }

 private:
  struct Side {
    Tensor tensor;
    Index batch = 0, first = 0;  // where the sequence lies in the tensor
    std::vector<double> values;
  };
  void select(Side& side, const Tensor& tensor, const attention::Problem& problem, Index b, Index kv_head);
  MatrixView<const double> tile(Side& side, Rows j);

  std::size_t keep_;
  Index b_ = -1, kv_head_ = -1, size_ = 0;
  bool whole_ = false;
  Side k_, v_;
};

// What the workers of this process may keep in all, as bytes for each of them.
std::size_t kept_bytes(int workers);

// Rows of one query head, as float64.
RowMajor<double> read_rows(const Tensor& tensor, Index b, Index h, Index first, std::span<const Index> rows);

struct ForwardRows {
  RowMajor<double> o;            // [rows, head_dim_v]
  std::vector<double> lse, max;  // max: the largest logit, the sink included; -inf in an empty row
};
// q: the rows' queries, [rows, head_dim].
ForwardRows golden_forward(const attention::Head& head, KeyValues& kv, std::span<const Index> rows,
                           const RowMajor<double>& q);

// s = the logits of the rows at keys j, [rows, j.size]: scaled, capped, biased, -inf where hidden.
template <class T>
void logits(const attention::Head& head, std::span<const Index> rows, const RowMajor<T>& q,
            MatrixView<const T> k, Rows j, MatrixView<T> s);

// Every row of one query head, by FlashAttention-2's backward pass. o and lse as golden_forward gives them.
// dk and dv are those of the KV head: the first query head of a group sets them, the others add.
void golden_backward(const attention::Head& head, MatrixView<const double> k, MatrixView<const double> v,
                     const RowMajor<double>& q, const RowMajor<double>& dout, const RowMajor<double>& o,
                     const std::vector<double>& lse, const attention::Gradients<double>& gradients);

}  // namespace attnlab::oracle
