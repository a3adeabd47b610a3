// Attention on whole tensors, on the CPU, by any algorithm of the reference: the entry point of this folder.
#pragma once

#include "reference/attention/algorithm.h"
#include "reference/attention/problem.h"

namespace attnlab::attention {

// The pages of a problem with a page_size: row j of sequence b is row j % page_size of page
// block_table[b * stride + j / page_size]. K is then [num_pages, num_kv_heads, page_size, head_dim], V likewise
// with head_dim_v, in any order in memory.
struct Pages {
  const std::int32_t* block_table = nullptr;
  Index stride = 0, num_pages = 0;
};

// Tensors of the forward pass. lse has dim 1: [batch, num_heads, seqlen_q, 1], and may be empty (data null).
template <class T>
struct ForwardTensors {
  TensorView<const T> q;  // [batch, num_heads, seqlen_q, head_dim]
  TensorView<const T> k;  // [batch, num_kv_heads, seqlen_kv, head_dim]
  TensorView<const T> v;  // [batch, num_kv_heads, seqlen_kv, head_dim_v]
  TensorView<T> o;        // [batch, num_heads, seqlen_q, head_dim_v]
  TensorView<T> lse;
  Pages pages{};
};

template <class T>
struct BackwardTensors {
  TensorView<const T> q, k, v, o, lse, dout;
  TensorView<T> dq, dk, dv;  // shaped as q, k, v; dk and dv summed over the heads of a group
};

struct Options {
  Tiles tiles;  // 0: sizes that suit the CPU
  int threads = 0;
  BlockMask block_mask;  // for Algorithm::blocksparse, the same for every head
};

// Computes O and lse. Rows of O beyond a sequence's q_lens are set to 0, their lse to -inf.
// Throws InvalidArgument on any shape that does not fit the problem, before anything is written.
template <class T>
void forward(Algorithm algorithm, const Problem& problem, const ForwardTensors<T>& tensors,
             const Options& options = {});

// Computes dQ, dK, dV from what a forward pass (of any algorithm) returned. Throws InvalidArgument as forward
// does, and for an algorithm without a backward pass.
template <class T>
void backward(Algorithm algorithm, const Problem& problem, const BackwardTensors<T>& tensors,
              const Options& options = {});

}  // namespace attnlab::attention
