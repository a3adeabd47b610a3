// What the golden kernels are launched with: everything in float64, one entry per query head. golden.h fills it
// from an attention::Problem.
#pragma once

#include <cstdint>

#include "cuda/host/params.h"

namespace attnlab::cuda {

// A matrix of bias or mask values over (query, key); a stride of 0 broadcasts. Null: none.
template <class T>
struct PairValues {
  const T* data = nullptr;
  std::int64_t row_stride = 0, col_stride = 0;
};

// One query head of one sequence, padding and packing resolved: rows count from the sequence's first token
// and lie one after the other.
struct GoldenHead {
  const double *q, *k, *v,
      *dout;           // [seqlen_q, head_dim], [seqlen_kv, head_dim], [seqlen_kv, head_dim_v], ...
  double *o, *lse;     // [seqlen_q, head_dim_v], [seqlen_q]
  double* max;         // [seqlen_q]: the largest logit of each row
  double *delta, *dq;  // [seqlen_q], [seqlen_q, head_dim]
  double *dk, *dv;     // [seqlen_kv, head_dim], ...: this query head's part
  PairValues<float> bias;
  PairValues<std::uint8_t> mask;
  int seqlen_q = 0, seqlen_kv = 0;
  int left = kUnbounded, right = kUnbounded;
  int batch_head = 0;  // b * num_heads + h, dropout's address
  double alibi_slope = 0, sink = 0;
};

struct GoldenParams {
  const GoldenHead* heads = nullptr;  // [num_heads]
  int num_heads = 0;                  // of all sequences
  int head_dim = 0, head_dim_v = 0;
  int seqlen_q = 0, seqlen_kv = 0;  // the longest
  double scale = 1, softcap = 0;
  DropoutParams dropout;
  double dropout_scale = 1;
  bool backward = false;
};

}  // namespace attnlab::cuda
