// The exact checks, a function each: what the registry in registry.cpp is made of.
#pragma once

#include "oracle/exact/trial.h"

namespace attnlab::oracle {

// exact_answers.cpp: inputs whose result is known without computing attention.
Finding find_one_hot(Trial&);
Finding find_integers(Trial&);
Finding find_same_pointers(Trial&);
Finding find_later_calls(Trial&);
// identities.cpp: two ways to the same result.
Finding find_constant_v(Trial&);
Finding find_key_permutation(Trial&);
Finding find_split_merge(Trial&);
Finding find_causal_prefix(Trial&);
Finding find_hidden_numbers(Trial&);
Finding find_scale_equivariance(Trial&);
// independence.cpp: what must not move, and what must.
Finding find_needle(Trial&);
Finding find_backward_needle(Trial&);
Finding find_batch_independence(Trial&);
Finding find_head_independence(Trial&);
// memory.cpp: reads and writes where a kernel has no business.
Finding find_poison(Trial&);
Finding find_changed_inputs(Trial&);
Finding find_determinism(Trial&);
Finding find_guard_bands(Trial&);
// huge.cpp: more elements than 2^31, or than any number. Throws NotEnoughMemory.
Finding find_huge(Trial&);
Finding find_beyond(Trial&, Index elements);

}  // namespace attnlab::oracle
