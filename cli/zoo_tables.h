// What `attnlab zoo` found as tables: for a terminal, and those of docs/results/oracle.md.
#pragma once

#include "cli/table.h"
#include "cli/zoo_run.h"

namespace attnlab::cli {

// A mistake per row, a rule per column.
Table mistakes_table(const Zoo& zoo);
// The smallest errors that the check rejects, and the bits that a term may lose unseen.
std::vector<NamedTable> sensitivity_tables(const std::vector<oracle::Sensitivity>& all);
// Those of sensitivity only if the zoo has it.
std::vector<NamedTable> zoo_tables(const Zoo& zoo);

}  // namespace attnlab::cli
