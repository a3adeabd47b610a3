// Attention on whole tensors, on the CPU, by any algorithm of the reference: the entry point of this folder.
#pragma once

#include <span>
#include <string_view>

#include "reference/attention/problem.h"
#include "reference/attention/tiles.h"

namespace attnlab::attention {

enum class Algorithm { standard, flash1, flash1_literal, flash2, blocksparse };

// One row of the registry of algorithms; command line, tests, benchmarks and documentation are made from it.
struct AlgorithmInfo {
  Algorithm id;
  const char* name;  // as the command line spells it
  const char* title;
  const char* paper;  // paper and algorithm numbers
  bool skips_hidden_tiles;
  bool block_mask;  // takes Options::block_mask
};
std::span<const AlgorithmInfo> algorithms();
const AlgorithmInfo& info(Algorithm id);
// Throws InvalidArgument listing the names when there is no such algorithm.
const AlgorithmInfo& find_algorithm(std::string_view name);

// Tensors of the forward pass. lse has dim 1: [batch, num_heads, seqlen_q, 1], and may be empty (data null).
template <class T>
struct ForwardTensors {
  TensorView<const T> q;  // [batch, num_heads, seqlen_q, head_dim]
  TensorView<const T> k;  // [batch, num_kv_heads, seqlen_kv, head_dim]
  TensorView<const T> v;  // [batch, num_kv_heads, seqlen_kv, head_dim_v]
  TensorView<T> o;        // [batch, num_heads, seqlen_q, head_dim_v]
  TensorView<T> lse;
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

// Computes dQ, dK, dV from what a forward pass (of any algorithm) returned.
template <class T>
void backward(Algorithm algorithm, const Problem& problem, const BackwardTensors<T>& tensors,
              const Options& options = {});

}  // namespace attnlab::attention
