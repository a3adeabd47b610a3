// The catalogue of mistakes: what goes wrong in attention kernels, each as a mutation of a tiled kernel.
// Diagnosis looks for the mutation that reproduces an output. The zoo runs each mutation as a kernel of its
// own, a mutant, and counts which mutants a check kills.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "oracle/check.h"
#include "oracle/kernel.h"
#include "reference/attention/head.h"

namespace attnlab::oracle {

enum class Wrong : int;  // mistakes/wrong.h

// One row of the catalogue. Command line, tests, docs/results/oracle.md and diagnosis are made from it.
struct Mistake {
  const char* name;        // "causal-one-too-many"
  const char* title;       // "the causal mask lets one key too many through"
  const char* advice;      // what to look at in the kernel
  bool forward, backward;  // the passes it shows in
  // Whether the mistake can change anything for this problem (a causal mistake needs a causal mask). Null:
  // always.
  bool (*applies_to)(const attention::Problem&, const Inputs&);
  // What it is: another problem, another head, or a wrong step in the kernel's text. Null, null and none: the
  // kernel as it should be.
  void (*problem)(attention::Problem&);
  void (*head)(const attention::Problem&, attention::Head&);
  Wrong step;
  bool tiles;  // the kernel's tile sizes decide what comes out

  bool applies(const attention::Problem& p, const Inputs& in) const {
    return applies_to == nullptr || applies_to(p, in);
  }
};
std::span<const Mistake> mistakes();
const Mistake& find_mistake(const std::string& name);  // Throws InvalidArgument listing the names.

// A CPU kernel with declared arithmetic: tiles, rounded operands, P, sums and outputs. With a mistake it is
// a mutant, without one an honest kernel of its class.
struct TileKernelOptions {
  KernelClass kernel_class;
  Index br = 64, bc = 64;
  const Mistake* mistake = nullptr;
  std::uint64_t seed = 0;  // of mistakes that need a choice (which tile is lost)
  int threads = 0;
};
Kernel tile_kernel(const TileKernelOptions& options);

// The mistakes whose mutated reference (in float64, for the likely tile sizes) explains the output within the
// class' budget; best first, at most `most`. Looks at a sample of rows and heads: some of those that fail and
// some that do not, which the mistake must leave as they are.
std::vector<Diagnosis> diagnose(const attention::Problem& problem, const Inputs& inputs,
                                const Outputs& outputs, const KernelClass& kernel_class,
                                const Verdict& verdict, int threads = 0, int most = 3);

}  // namespace attnlab::oracle
