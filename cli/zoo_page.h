// The zoo as a table for a terminal, and as the page docs/results/oracle.md.
#pragma once

#include "cli/table.h"
#include "cli/zoo_run.h"

namespace attnlab::cli {

Table zoo_table(const Zoo& zoo);
// The smallest errors caught, and the bits that a term may lose, as tables of Markdown.
std::string sensitivity_tables(const std::vector<oracle::Sensitivity>& all);
std::string zoo_page(const Zoo& zoo, bool full);

}  // namespace attnlab::cli
