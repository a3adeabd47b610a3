// Into how many pieces the keys of a sequence are split over blocks, and the room for the pieces' results.
#pragma once

#include <algorithm>
#include <cstddef>

#include "cuda/host/params.h"

namespace attnlab::cuda {

constexpr int ceil_div(int a, int b) { return (a + b - 1) / b; }

constexpr std::size_t rows_of_queries(const AttentionParams& p) {
  const int batches = p.cu_seqlens_q != nullptr ? 1 : p.batch;
  return static_cast<std::size_t>(batches) * static_cast<std::size_t>(p.heads_q) *
         static_cast<std::size_t>(p.rows_q);
}

// m, l and O of every split of every row.
constexpr std::size_t partial_bytes(const AttentionParams& p, int splits) {
  return rows_of_queries(p) * static_cast<std::size_t>(splits) * static_cast<std::size_t>(p.value_dim() + 2) *
         sizeof(float);
}

// The rule: the fewest splits with which the waves of blocks are at least 95 % full, counting `resident` blocks to each
// multiprocessor, or else the fullest; at most kMostSplits, and no split of fewer than kLeastKeys keys.
inline constexpr int kMostSplits = 64, kLeastKeys = 256;
// What the caller asks for; 0: the rule's. The combination has room for no more.
constexpr int asked_splits(const AttentionParams& p) { return std::min(p.splits, kMostSplits); }
constexpr int splits_for(int blocks, int keys, int slots) {
  const int most = std::clamp(keys / kLeastKeys, 1, kMostSplits);
  int best = 1;
  double fullest = 0;
  for (int splits = 1; splits <= most; ++splits) {
    const int all = blocks * splits;
    const double full = static_cast<double>(all) / (static_cast<double>(ceil_div(all, slots)) * slots);
    if (full > fullest + 1e-9) best = splits, fullest = full;
    if (full >= 0.95) break;
  }
  return best;
}

}  // namespace attnlab::cuda
