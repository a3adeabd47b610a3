// What `attnlab witness` prints: the four witnesses as a table, the tables of a page, and a file of predictions.
#pragma once

#include <string>
#include <vector>

#include "answers/kernels/witness.h"
#include "cli/table.h"

namespace attnlab::cli {

// A table for a terminal, with a line that tells what the GPU's numbers are.
std::string to_text(const std::vector<answers::Witness>& witnesses, const cuda::Measurements& measurements);
// The tables of docs/results/counters.md. predictions: of runs that were measured.
std::vector<NamedTable> witness_tables(const std::vector<cuda::Measurement>& predictions,
                                       const cuda::Measurements& measurements,
                                       const std::vector<cuda::Exception>& exceptions);
// cuda/counters/emulated.csv.
std::string to_csv(const std::vector<cuda::Measurement>& predictions);

}  // namespace attnlab::cli
