// The registry of exact checks. Each has a name, what it demands, and a function that says which cases it
// suits.
#include <cmath>

#include "oracle/exact/exact_check.h"
#include "reference/core/errors.h"

namespace attnlab::oracle {
namespace {

bool plain_scores(const Case& c) {  // nothing between q . k and the softmax but the scale
  const attention::Problem& p = c.problem;
  return p.softcap == 0 && p.alibi_slopes.empty() && p.dropout.p == 0 && p.sinks.empty() && !p.bias &&
         !p.mask;
}
bool banded(const attention::Problem& p) { return p.causal || p.window.left || p.window.right; }
bool one_length(const attention::Problem& p) { return !p.packed() && p.q_lens.empty() && p.kv_lens.empty(); }

bool always(const Case&) { return true; }
bool forward_of_plain_scores(const Case& c) { return !c.backward && plain_scores(c); }
bool enough_codes(const Case& c) {
  const Index pairs = c.problem.head_dim / 2;
  return forward_of_plain_scores(c) &&
         std::log2(static_cast<double>(c.problem.seqlen_kv)) <= static_cast<double>(pairs);
}
bool enough_columns(const Case& c) { return forward_of_plain_scores(c) && c.problem.head_dim >= 8; }
bool without_order(const Case& c) {
  return forward_of_plain_scores(c) && !banded(c.problem) && one_length(c.problem) && c.problem.seqlen_kv > 1;
}
bool mergeable(const Case& c) { return without_order(c) && c.lse && c.cross; }
bool causal(const Case& c) {
  return forward_of_plain_scores(c) && c.problem.causal && one_length(c.problem) && c.problem.seqlen_q > 1;
}
bool needle(const Case& c) { return forward_of_plain_scores(c) && c.problem.seqlen_q > 0; }
bool backward_needle(const Case& c) { return c.backward && plain_scores(c); }
bool several_sequences(const Case& c) { return c.problem.batch > 1; }
bool several_heads(const Case& c) { return c.problem.num_heads > 1; }
bool huge(const Case& c) {
  return forward_of_plain_scores(c) && !banded(c.problem) && one_length(c.problem) &&
         c.problem.seqlen_kv > 0 && c.cross && c.page_size == 0;
}
bool some_hidden(const Case& c) {
  return forward_of_plain_scores(c) && banded(c.problem) && c.problem.seqlen_q > 0 && c.problem.seqlen_kv > 0;
}

// In the order that kills most, first.
constexpr ExactCheck kChecks[] = {
    {"one-hot", "each row sees one key alone, so O is a row of V and lse is 0, to the bit", enough_codes,
     find_one_hot},
    {"guard-bands", "nothing is written outside of the outputs, in two layouts and under two poisons", always,
     find_guard_bands},
    {"inputs-unchanged", "inputs hold the same bits after the call", always, find_changed_inputs},
    {"poison", "outputs do not depend on what outputs, padding and guard bands held before", always,
     find_poison},
    {"integers", "O is a mean of small integers, exactly where the types hold it", enough_columns,
     find_integers},
    {"needle", "one key changes: rows that see it move, all others keep their bits", needle, find_needle},
    {"backward-needle", "one row of dO changes: its dQ, and dK and dV of the keys it sees, and nothing else",
     backward_needle, find_backward_needle},
    {"determinism", "equal calls give equal bits, whatever ran between (gradients: measured)", always,
     find_determinism},
    {"same-pointers", "new contents at the same addresses give the new result", enough_codes,
     find_same_pointers},
    {"later-calls", "the 32nd call is as right as the first", enough_codes, find_later_calls},
    {"constant-v", "equal values come out as they are: weights sum to 1", forward_of_plain_scores,
     find_constant_v},
    {"causal-prefix", "rows of a causal problem do not change when later rows and keys are cut off", causal,
     find_causal_prefix},
    {"key-permutation", "without a mask, the order of keys means nothing", without_order,
     find_key_permutation},
    {"split-merge", "two parts of the keys, merged through lse, give the whole", mergeable, find_split_merge},
    {"batch-independence", "a sequence's outputs keep their bits when another one changes", several_sequences,
     find_batch_independence},
    {"head-independence", "a head's outputs keep their bits when heads that it does not use change",
     several_heads, find_head_independence},
    {"hidden-numbers", "NaN, infinities and large numbers behind a mask change nothing", some_hidden,
     find_hidden_numbers},
    {"scale-equivariance", "q times 2^n and the scale over 2^n give the same bits", forward_of_plain_scores,
     find_scale_equivariance},
    {"huge", "Q and O of more than 2^31 elements: equal rows of Q give equal rows of O (on request only)",
     huge, find_huge},
};

}  // namespace

std::span<const ExactCheck> exact_checks() { return kChecks; }

const ExactCheck& find_exact_check(const std::string& name) {
  std::string names;
  for (const ExactCheck& check : kChecks) {
    if (name == check.name) return check;
    names += (names.empty() ? "" : ", ") + std::string(check.name);
  }
  throw InvalidArgument("check", name, "one of " + names);
}

}  // namespace attnlab::oracle
