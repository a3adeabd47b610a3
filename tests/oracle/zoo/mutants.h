// CUDA kernels with a mistake each: FlashAttention-2's forward pass in its plainest form, mutated by a
// template parameter. fp32, head_dim 32, tensors [heads, seqlen, head_dim].
#pragma once

#include <span>

namespace attnlab::oracle::zoo {

inline constexpr int kHeadDim = 32, kBlockRows = 32, kBlockKeys = 16;

struct MutantProblem {
  const float *q, *k, *v;  // on the host
  float *o, *lse;
  int heads, heads_kv, seqlen_q, seqlen_kv;
  float scale;
  bool causal;
};

struct Mutant {
  const char* name;  // the catalogue's, or "right"
  // Copies in, launches, copies out. What the kernel does not write stays NaN.
  void (*run)(const MutantProblem&);
};

namespace emulator {
std::span<const Mutant> mutants();
}
namespace gpu {
std::span<const Mutant> mutants();  // with ATTNLAB_CUDA
bool present();
}  // namespace gpu

}  // namespace attnlab::oracle::zoo
