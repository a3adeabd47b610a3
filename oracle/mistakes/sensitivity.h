// How small an error does a check see? Honest kernels whose errors are enlarged, and kernels with a term that
// is less precise than declared.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "oracle/mistakes.h"

namespace attnlab::oracle {

// A class of kernels as people write them: what the tests of the budget and the tables of sensitivity run.
struct HonestClass {
  std::string name;  // "bf16", "tf32", "bf16-p-fp8"
  DType inputs;
  KernelClass kernel;
};
const std::vector<HonestClass>& honest_classes();

// The smallest errors of one output that are caught, over those of an honest kernel: of every element alike,
// of one row, of one element (over the output's RMS error).
struct SmallestCaught {
  std::string tensor;
  double everywhere = 0, row = 0, element = 0;
};

// The terms of a class that can be less precise than declared.
enum class Term { operands, p, accumulator, output };
std::string name(Term term);
std::span<const Term> terms();

// How many bits a term must lose until the check sees it; none: it holds no more than the class' other
// terms do, or the class has no such term.
struct LostBits {
  Term term;
  std::optional<int> caught;
};

struct Sensitivity {
  std::string name;  // of the class
  std::vector<SmallestCaught> caught;
  std::vector<LostBits> lost;
};

// On normal data, 2 heads of 256 queries and keys, head_dim 64, not causal; forward and backward.
Sensitivity sensitivity_of(const HonestClass& honest, int threads = 0);

}  // namespace attnlab::oracle
