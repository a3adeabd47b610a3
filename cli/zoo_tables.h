// What `attnlab zoo` found as tables: for a terminal, and those of docs/results/oracle.md.
#pragma once

#include "answers/kernels/zoo.h"
#include "cli/table.h"

namespace attnlab::cli {

// A mistake per row, a rule per column.
Table mistakes_table(const answers::Zoo& zoo);
// The smallest errors that the check rejects, and the bits that a term may lose unseen.
std::vector<NamedTable> sensitivity_tables(const std::vector<oracle::Sensitivity>& all);
// Those of sensitivity only if the zoo has it.
std::vector<NamedTable> zoo_tables(const answers::Zoo& zoo);

}  // namespace attnlab::cli
