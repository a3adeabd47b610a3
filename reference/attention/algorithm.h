// The list of attention algorithms, and what each says of itself.
#pragma once

#include <span>
#include <string_view>

#include "reference/attention/tiles.h"

namespace attnlab::attention {

// In the order in which they are shown. The text of each, with its row, is Text<it> in a file of its own
// (algorithms.h includes them all).
enum class Algorithm { standard, memory_efficient, flash1, flash1_literal, flash2, blocksparse, end };

// An algorithm's row: command line, tests, benchmarks and documentation are made from it.
struct AlgorithmInfo {
  const char* name;  // as the command line spells it
  const char* title;
  const char* paper;                 // paper and algorithm numbers
  bool skips_hidden_tiles = false;   // those that causal and window hide
  bool block_mask = false;           // takes Options::block_mask
  bool materialises_scores = false;  // has matrices [seqlen_q, seqlen_kv] in HBM
  // Sizes that suit the CPU, measured on AVX-512 and AVX2 machines: tiles of scores that stay in the L2
  // cache. Bc 0: all keys.
  Tiles cpu_tiles = {256, 512};

  // From the list and the text, not from the row:
  Algorithm id = Algorithm::end;
  bool backward = false;  // has a backward pass
};
std::span<const AlgorithmInfo> algorithms();
const AlgorithmInfo& info(Algorithm id);
// Throws InvalidArgument listing the names when there is no such algorithm.
const AlgorithmInfo& find_algorithm(std::string_view name);

// How an algorithm is to run on each head.
struct HeadPlan {
  Algorithm algorithm;
  Tiles tiles;
  BlockMask block_mask;
};

// An algorithm, specialised beside its loops (flash2.h):
//   static constexpr AlgorithmInfo row{...};
//   forward(memory, head, in, out, plan, workspace)           computes out.o and out.lse of one head
//   backward(memory, head, in, saved, grad, plan, workspace)  its gradients; absent: it has no backward pass
template <Algorithm>
struct Text;

}  // namespace attnlab::attention
