// Other projects' acceptance rules, evaluated on the same output: what they would have said.
#pragma once

#include <span>
#include <vector>

#include "reference/oracle/check.h"

namespace attnlab::oracle {

struct Rule {
  const char* name;    // "flash-attention", "pytorch", "flashinfer", "flashmla", "allclose"
  const char* source;  // where the rule is written: repository, file, commit read
  const char* text;    // the rule in one line
};
std::span<const Rule> rules();

// Rules that compare with a low-precision framework run model it: the standard algorithm with S, P and O
// rounded to the output's type. They are applied to o alone; the others to every output but lse.
std::vector<RuleResult> apply_rules(const attention::Problem& problem, const Inputs& inputs,
                                    const Outputs& outputs, int threads = 0);

}  // namespace attnlab::oracle
