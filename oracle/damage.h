// Where an output is wrong: wrong rows are noted while they are compared, then described.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "oracle/verdict.h"
#include "reference/attention/problem.h"

namespace attnlab::oracle {

inline constexpr Index kDamageColumns = 16;  // cells across a row, at most

struct WrongRow {
  Index batch = 0, head = 0, row = 0;
  std::uint32_t wrong = 0;                            // elements
  std::array<std::uint16_t, kDamageColumns> cells{};  // wrong elements of each cell
};

struct Damage {
  std::vector<WrongRow> rows;          // at most kMostRows of them
  std::vector<std::uint64_t> columns;  // wrong elements of each column
  std::uint64_t left_out = 0;          // wrong rows beyond

  static constexpr std::size_t kMostRows = std::size_t{1} << 20;
  void add(const WrongRow& row);
  void merge(Damage&& later);
};

// The first column of each cell is cell * column_step(dim).
inline Index column_step(Index dim) { return (dim + kDamageColumns - 1) / kDamageColumns; }

// The picture and the sentence. heads, rows, cols: extents of the tensor.
DamageMap describe(const Damage& damage, const std::string& tensor, const attention::Problem& problem,
                   Index heads, Index rows, Index cols);

}  // namespace attnlab::oracle
