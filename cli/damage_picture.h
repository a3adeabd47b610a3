// A map of damage as matrices of shares, small enough to be shown.
#pragma once

#include <string>
#include <vector>

#include "oracle/verdict.h"
#include "reference/attention/problem.h"

namespace attnlab::cli {

struct Picture {
  Index rows = 0, cols = 0;
  Index row_step = 1, col_step = 1;  // rows and columns (or heads) of a cell
  std::vector<double> share;         // [rows, cols]: of wrong elements, 0..1

  double at(Index r, Index c) const { return share[static_cast<std::size_t>(r * cols + c)]; }
  double& at(Index r, Index c) { return share[static_cast<std::size_t>(r * cols + c)]; }
};

// Rows by heads: a strip of the map is a column.
Picture by_heads(const oracle::DamageMap& map);
// Rows by columns of one strip.
Picture of_strip(const oracle::DamageMap& map, Index strip);
// The strips that hold damage, the most first.
std::vector<Index> damaged_strips(const oracle::DamageMap& map);
// "head 3", "batch 1, head 3".
std::string strip_name(const attention::Problem& problem, const oracle::DamageMap& map, Index strip);
// Whether the columns of some row differ.
bool columns_differ(const Picture& picture);
// Whether all cells hold the same.
bool is_uniform(const oracle::DamageMap& map);
// Neighbouring cells merged to their mean, so that at most so many are left.
Picture shrunk(const Picture& picture, Index most_rows, Index most_cols);

}  // namespace attnlab::cli
