// Lists that problems are made with: lengths of sequences, ALiBi slopes.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "reference/core/view.h"

namespace attnlab::oracle {

// Lengths of the sequences of a batch: the longest, a short one, none, ...
inline std::vector<Index> ragged(Index batch, Index longest, Index turn) {
  std::vector<Index> lens;
  for (Index b = 0; b < batch; ++b) {
    const Index kind = (b + turn) % 4;
    lens.push_back(kind == 0   ? longest
                   : kind == 1 ? longest * 2 / 3
                   : kind == 2 ? std::min<Index>(longest, 1)
                               : 0);
  }
  return lens;
}

inline std::vector<Index> sums(const std::vector<Index>& lens) {
  std::vector<Index> cu = {0};
  for (const Index n : lens) cu.push_back(cu.back() + n);
  return cu;
}

// Press et al. 2022, section 3.
inline std::vector<double> alibi_slopes(Index heads) {
  std::vector<double> slopes;
  for (Index h = 1; h <= heads; ++h)
    slopes.push_back(std::exp2(-8.0 * static_cast<double>(h) / static_cast<double>(heads)));
  return slopes;
}

}  // namespace attnlab::oracle
