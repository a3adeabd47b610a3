// The catalogue of mistakes: what goes wrong in attention kernels, each as a mutation of a tiled kernel.
// Diagnosis looks for the mutation that reproduces an output; the zoo runs them as kernels of their own to
// measure what a check catches.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "reference/oracle/check.h"
#include "reference/oracle/kernel.h"

namespace attnlab::oracle {

// One row of the catalogue. Command line, tests, docs/results/oracle.md and diagnosis are made from it.
struct Mistake {
  const char* name;        // "causal-off-by-one"
  const char* title;       // "the causal mask lets one key too many through"
  const char* advice;      // what to look at in the kernel
  bool forward, backward;  // the passes it shows in
  // Whether the mistake changes anything for this problem (a causal mistake needs a causal mask).
  bool (*applies)(const attention::Problem&);
};
std::span<const Mistake> mistakes();
const Mistake& find_mistake(const std::string& name);  // Throws InvalidArgument listing the names.

// A CPU kernel with declared arithmetic: tiles, rounded operands, P, sums and outputs. With a mistake it is
// an animal of the zoo, without one an honest kernel of its class.
struct TileKernelOptions {
  KernelClass kernel_class;
  Index br = 64, bc = 64;
  const Mistake* mistake = nullptr;
  std::uint64_t seed = 0;  // of mistakes that need a choice (which tile is dropped)
  int threads = 0;
};
Kernel tile_kernel(const TileKernelOptions& options);

// The mistakes whose mutated reference (in float64, for the likely tile sizes) explains the output within the
// class' budget; best first, at most `most`.
std::vector<Diagnosis> diagnose(const attention::Problem& problem, const Inputs& inputs,
                                const Outputs& outputs, const KernelClass& kernel_class,
                                const Verdict& verdict, int threads = 0, int most = 3);

}  // namespace attnlab::oracle
