// Rows that nobody wrote: known by their shape, not by their values.
#pragma once

#include <vector>

#include "oracle/mistakes.h"

namespace attnlab::oracle::mistaken {

struct Unwritten {
  const Mistake* mistake;
};

// Wrong rows that hold one number throughout (zeros, NaN, a poison) and fill whole row blocks: all of them,
// the last one of every head, or one block.
std::vector<Unwritten> find_unwritten(const attention::Problem& problem, const Outputs& outputs,
                                      const Verdict& verdict);

}  // namespace attnlab::oracle::mistaken
