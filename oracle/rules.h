// Other projects' acceptance rules, evaluated on the same output: what they would have said.
#pragma once

#include <span>
#include <vector>

#include "oracle/check.h"

namespace attnlab::oracle {

struct Rule {
  const char* name;    // "flash-attention", "pytorch", "flashinfer", "flashmla", "allclose"
  const char* source;  // where the rule is written: repository, file, commit read
  const char* text;    // the rule in one line
};
std::span<const Rule> rules();

// What the rules say of o, lse and gradients; only FlashMLA looks at lse. Rules that compare with a
// low-precision framework run model it (rules_framework.h): every intermediate tensor rounded to the
// inputs' type. Where a rule has nothing to look at, there is no result of it. Whole outputs are held in
// memory, in float64.
std::vector<RuleResult> apply_rules(const attention::Problem& problem, const Inputs& inputs,
                                    const Outputs& outputs, int threads = 0);

}  // namespace attnlab::oracle
