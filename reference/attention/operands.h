// The HBM tensors of one head that the algorithms read and write, as matrices.
#pragma once

#include "reference/core/paged_matrix.h"

namespace attnlab::attention {

template <class T>
struct Inputs {
  MatrixView<const T> q;   // [seqlen_q, head_dim]
  PagedMatrix<const T> k;  // [seqlen_kv, head_dim]
  PagedMatrix<const T> v;  // [seqlen_kv, head_dim_v]
};

// FlashAttention-1 keeps the row maximum m and the row sum l, FlashAttention-2 lse = m + log(l).
template <class T>
struct Outputs {
  MatrixView<T> o;          // [seqlen_q, head_dim_v]
  MatrixView<T> m, l, lse;  // [seqlen_q, 1]
};

template <class T>
struct Saved {
  MatrixView<const T> o, dout;    // [seqlen_q, head_dim_v]
  MatrixView<const T> m, l, lse;  // [seqlen_q, 1]
  MatrixView<T> delta;            // [seqlen_q, 1], workspace: rowsum(dO o O)
};

template <class T>
struct Gradients {
  MatrixView<T> dq, dk, dv;
};

}  // namespace attnlab::attention
