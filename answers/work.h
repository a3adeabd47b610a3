// How long a question takes and how much memory it needs, estimated from its sizes before work starts.
#pragma once

#include "reference/attention/problem.h"

namespace attnlab::answers {

// Seconds are a count of steps over a rate that is a constant where the steps are counted: about, that is within a
// factor of 3 of what a core of a server took (docs/cli.md says how that was measured). Bytes are those that grow with
// the sizes.
struct Work {
  double seconds = 0, bytes = 0;
};

// Pairs of a query and a key over all heads; `skips_hidden`: without those that causal masks and windows hide.
double score_count(const attention::Problem& problem, bool skips_hidden);

// Throws InvalidArgument naming `sizes` for more bytes than this machine's memory.
void require_memory(double bytes);

}  // namespace attnlab::answers
